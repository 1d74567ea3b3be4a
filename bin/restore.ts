/**
 * `npm run restore -- --from FILE`: fills an empty database from a backup.
 * Exit status: 0 restored, 1 failed, 2 wrong usage, 78 refused.
 */
import { createReadStream } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { readConfig } from '../lib/config.ts';
import { damaged } from '../lib/db/backup-format.ts';
import { migrationPatience } from '../lib/db/database.ts';
import { restoreBackup } from '../lib/db/restore.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { fileOption } from './file-option.ts';
import { runOnce } from './lifecycle.ts';
import { connectDatabase } from './open-database.ts';

const from = fileOption('restore', {
  flag: '--from <file>',
  what: 'a file that `npm run backup` wrote',
  description:
    'Fill an empty database from a backup: the embedded one in LUMENALITY_DATA_DIR, or PostgreSQL at DATABASE_URL, whichever the backup was taken of. ' +
    'A database that has rows is refused. Read docs/runbooks/restore-control-plane.md first: two control planes must never work on the same practices.',
  examples: [
    'npm run restore -- --from control-plane.backup',
    'DATABASE_URL=postgres://… npm run restore -- --from control-plane.backup',
  ],
});

await runOnce(async (stops) => {
  const file = resolve(from);
  await access(file, constants.R_OK).catch(() => {
    throw new DomainError(
      'configuration',
      `${file} cannot be read. Name a file that \`npm run backup\` wrote.`,
    );
  });
  const database = await connectDatabase(readConfig(), { patience: migrationPatience });
  stops.push(() => database.close());
  const { header, end, migrated } = await restoreBackup(database.db, linesOf(file));
  console.log(`Restored ${end.rows} rows as they were on ${header.takenAt}.`);
  if (migrated.length > 0) console.log(`Migrated from there: ${migrated.join(', ')}.`);
  console.log(
    'Next: start the control plane with a token that you have (an admin.token from before the backup, or `npm run recover-token`), ' +
      'and see what was made after it: npx lumenality orphans',
  );
});

async function* linesOf(file: string): AsyncGenerator<string> {
  const unpacked = createGunzip();
  const reading = pipeline(createReadStream(file), unpacked);
  // What goes wrong comes out of the loop below; a rejection that nobody awaits would end the process before.
  reading.catch(() => undefined);
  let rest = '';
  try {
    for await (const text of unpacked.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    // Of the file's content, not of the disk: zlib's own codes.
    if (!/^(Z_|ERR_STREAM_PREMATURE_CLOSE)/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw damaged('it cannot be unpacked');
  }
  if (rest !== '') throw damaged('its last line is not whole');
}
