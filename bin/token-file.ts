import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../lib/config.ts';

/** Where the administrator's token lies, and how it gets there: for its owner alone, and never into a log. */
export function tokenFile({ dataDirectory }: Config): {
  readonly path: string;
  readonly save: (token: string) => Promise<void>;
} {
  const path = join(dataDirectory, 'admin.token');
  return {
    path,
    save: async (token) => {
      await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
      // A new file each time: writing into an existing one would keep that one's mode.
      await rm(path, { force: true });
      await writeFile(path, `${token}\n`, { mode: 0o600, flag: 'wx' });
    },
  };
}
