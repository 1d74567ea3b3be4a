import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { stderr } from 'node:process';
import { sql } from 'kysely';
import { migrate, openEmbedded } from '../../lib/db/database.ts';
import { startTestApi } from '../builders/api.ts';
import { signUpRequest } from '../builders/sign-up.ts';

/** As root, or as root by sudo where that asks nothing, as on the machines of GitHub Actions. */
const ways = [[], ['sudo', '-n']];

function asRoot(command: readonly string[]): boolean {
  return ways.some((way) => {
    const [program = '', ...args] = [...way, ...command];
    return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
  });
}

/** A disk of this size in MiB, where this user may make one: a tmpfs. */
function smallDisk(mebibytes: number): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-disk-'));
  const options = `size=${mebibytes}m,mode=0700,uid=${userInfo().uid},gid=${userInfo().gid}`;
  if (asRoot(['mount', '-t', 'tmpfs', '-o', options, 'none', directory])) return directory;
  rmSync(directory, { recursive: true });
  return undefined;
}

const [disk, tinyDisk] = [smallDisk(120), smallDisk(5)];

/** Not a skipped test, which CI refuses: its name and a line in the log say that nothing was proved here. */
function onSmallDisk(name: string, run: () => Promise<void>): void {
  if (disk !== undefined && tinyDisk !== undefined) {
    test(name, run);
    return;
  }
  test(`NOT TRIED, because this user may not mount a small disk: ${name}`, () => {
    stderr.write(`test/faults/database-disk.test.ts did not try: ${name}. Run it as root on Linux.\n`);
  });
}

afterAll(() => {
  for (const made of [disk, tinyDisk]) {
    if (made === undefined) continue;
    expect([made, asRoot(['umount', '--lazy', made])]).toEqual([made, true]);
    rmSync(made, { recursive: true, force: true });
  }
});

const filling = join(disk ?? '', 'filling');

/** Leaves no byte free. */
function fill(): void {
  const chunk = Buffer.alloc(64 * 1024);
  for (let size = chunk.length; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(filling, chunk.subarray(0, size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}

onSmallDisk(
  'on a disk that runs full, changes are refused clearly and work goes on when it has room',
  async () => {
    const directory = join(disk ?? '', 'data');
    const database = await openEmbedded(directory);
    await migrate(database.db);
    const api = await startTestApi({}, undefined, database);
    const signUp = (key: string) =>
      api.call({
        method: 'POST',
        url: '/v1/signups',
        headers: { 'idempotency-key': key },
        payload: signUpRequest(),
      });
    const count = async (): Promise<number> => (await api.call({ url: '/v1/signups' })).json().items.length;
    expect((await signUp('before-full')).statusCode).toBe(201);
    fill();
    // Pages that are there already may still be written; what needs more of the disk is refused.
    const large = sql`create table large as select repeat('x', 1000) as text from generate_series(1, 20000)`;
    await expect(large.execute(database.db)).rejects.toMatchObject({
      code: 'unavailable',
      publicMessage: 'The disk of the database is full. Free space on it; work goes on by itself then.',
    });
    const whileFull = await signUp('while-full');
    expect([201, 503]).toContain(whileFull.statusCode);
    if (whileFull.statusCode === 503) expect(whileFull.json()).toMatchObject({ code: 'unavailable' });
    const before = await count();
    expect(before).toBe(whileFull.statusCode === 201 ? 2 : 1);
    rmSync(filling);
    expect((await signUp('after-full')).statusCode).toBe(201);
    await api.close();

    fill();
    await expect(openEmbedded(directory)).rejects.toMatchObject({
      code: 'configuration',
      publicMessage: expect.stringMatching(/cannot be written. Check its permissions and free space/),
    });
    rmSync(filling);
    const again = await openEmbedded(directory);
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from sign_up`.execute(
      again.db,
    );
    expect(rows).toEqual([{ count: before + 1 }]);
    await again.close();
  },
);

onSmallDisk('a disk too small for a new database is named, and nothing half made is left', async () => {
  const directory = join(tinyDisk ?? '', 'data');
  await expect(openEmbedded(directory)).rejects.toMatchObject({
    code: 'configuration',
    publicMessage: expect.stringMatching(/free space/),
  });
  expect(existsSync(join(directory, 'postgres'))).toBe(false);
});

const unwritable = [
  ['lies below a file', (parent: string) => writeFileSync(parent, '')],
  ['may not be written', (parent: string) => mkdirSync(parent, { mode: 0o500 })],
] as const;
// Root may write everywhere.
test.each(userInfo().uid === 0 ? unwritable.slice(0, 1) : unwritable)(
  'a data directory that %s is named',
  async (_why, make) => {
    const parent = join(mkdtempSync(join(tmpdir(), 'lumenality-unwritable-')), 'parent');
    make(parent);
    await expect(openEmbedded(join(parent, 'data'))).rejects.toMatchObject({
      code: 'configuration',
      publicMessage: expect.stringMatching(/cannot be written/),
    });
    rmSync(dirname(parent), { recursive: true });
  },
);
