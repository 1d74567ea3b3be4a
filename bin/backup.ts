/**
 * `npm run backup -- --out FILE`: everything that the control plane has on record, in one file.
 * Exit status: 0 written, 1 failed, 2 wrong usage, 78 refused.
 */
import { existsSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { readConfig } from '../lib/config.ts';
import { writeBackup } from '../lib/db/backup.ts';
import type { BackupEnd } from '../lib/db/backup-format.ts';
import type { Db } from '../lib/db/database.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { fileOption } from './file-option.ts';
import { onStopSignal, runOnce } from './lifecycle.ts';
import { connectDatabase } from './open-database.ts';
import { systemClock } from './system-clock.ts';

const out = fileOption('backup', {
  flag: '--out <file>',
  what: 'the file to write; a new one',
  description:
    'Write everything that the control plane has on record into one file: sign-ups, practices, runs, evidence, audit trail, releases, hashes of tokens. ' +
    'A PostgreSQL server is read beside the work that goes on; the embedded database has one process, so stop the control plane first.',
  examples: [
    'npm run backup -- --out control-plane.backup',
    'DATABASE_URL=postgres://… npm run backup -- --out control-plane.backup',
  ],
});

await runOnce(async (stops) => {
  const file = resolve(out);
  if (existsSync(file))
    throw refused(`${file} exists already. Name a new file: a backup is never overwritten.`);
  const database = await connectDatabase(readConfig());
  stops.push(() => database.close());
  const { rows } = await writeFile(file, database.db);
  console.log(
    `Wrote ${rows} rows to ${file}. It holds no patient data, but who may do what and what was done: keep it as safe as the database.`,
  );
});

/** Under another name until it is whole and on the disk, for its owner alone. */
async function writeFile(file: string, db: Db): Promise<BackupEnd> {
  const partial = `${file}.partial`;
  const handle = await opened(partial);
  try {
    const gzip = createGzip();
    const written = pipeline(gzip, handle.createWriteStream({ flush: true }), { signal: onStopSignal() });
    // A rejection before `await written` below must not count as nobody's.
    written.catch(() => undefined);
    const end = await writeBackup(db, systemClock.now(), async (text) => {
      onStopSignal().throwIfAborted();
      if (gzip.write(text)) return;
      await Promise.race([new Promise((drained) => gzip.once('drain', drained)), written]);
    });
    gzip.end();
    await written;
    await rename(partial, file);
    return end;
  } catch (error) {
    await rm(partial, { force: true });
    if (isNoSpace(error))
      throw refused(`${file} cannot be written: the disk is full. Nothing is left of it.`);
    throw error;
  }
}

async function opened(path: string): Promise<FileHandle> {
  await rm(path, { force: true });
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    throw refused(
      `${path} cannot be written (${(error as NodeJS.ErrnoException).code}). Name a file in a directory that you may write to.`,
    );
  }
}

function isNoSpace(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOSPC';
}

function refused(message: string): DomainError {
  return new DomainError('configuration', message);
}
