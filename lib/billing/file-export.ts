import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { chargesAsCsv, type ExportedStatement, rowsOf } from '../domain/charge-export.ts';
import { DomainError } from '../domain/errors.ts';
import type { ChargeExport } from '../ports/charge-export.ts';

/** Writes each statement as `<number>.csv`, one row a charge, and `<number>.json`, for whoever books or collects it. */
export function fileExport(directory: string): ChargeExport {
  return {
    name: 'files',
    send: async (statement) => {
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await writeWhole(directory, `${statement.number}.csv`, chargesAsCsv(rowsOf(statement)));
        await writeWhole(directory, `${statement.number}.json`, asJson(statement));
        await flush(directory);
      } catch (cause) {
        const { code = 'unwritable' } = cause as NodeJS.ErrnoException;
        throw new DomainError(
          'unavailable',
          `The statement cannot be written to ${directory} (${code}). See that the directory is there, can be written to and has room.`,
          { cause, retryable: true },
        );
      }
      return { externalId: `${statement.number}.json` };
    },
  };
}

const asJson = (statement: ExportedStatement): string => `${JSON.stringify(statement, null, 2)}\n`;

/** Whoever reads the file finds all of it or none, also after the power went. */
async function writeWhole(directory: string, name: string, content: string): Promise<void> {
  const file = join(directory, name);
  // Of its own, should another process write the same statement at the same time.
  const unfinished = `${file}.${randomUUID()}.new`;
  try {
    const handle = await open(unfinished, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** The names of new files are the directory's content. */
async function flush(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
