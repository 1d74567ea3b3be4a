import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { billedPractice } from '../builders/billed-practice.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;
let directory: string;
/** More rows than a page has. */
const practices = 70;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lumenality-export-'));
  plane = await startControlPlane();
  for (let number = 1; number <= practices; number += 1) {
    const { close } = await billedPractice(plane.api.database, `practice-${number}`);
    await close('2027-03-20');
  }
  await plane.api.database.db
    .updateTable('practice')
    .set({ display_name: 'Two\nlines, "one" name' })
    .execute();
});
afterAll(async () => {
  await plane.close();
  rmSync(directory, { recursive: true });
});

const run = (...args: readonly string[]) =>
  runHere(['plan', 'export', ...args], { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token } });
const days = ['--from', '2027-03-01', '--until', '2027-04-01'];

test('all pages are in one file, with the names of the columns once', async () => {
  const file = join(directory, 'march.csv');
  expect(await run(...days, '--out', file)).toEqual({
    code: 0,
    stdout: `210 rows in ${file}.\n`,
    stderr: '',
  });
  const text = readFileSync(file, 'utf8');
  expect(text.split('id,statement,')).toHaveLength(2);
  expect(
    text.match(/"Two\nlines, ""one"" name",charge,2027-03-19,(base|per_clinician|per_location),/g),
  ).toHaveLength(210);
});

test('JSON is one list, an empty one when there is nothing', async () => {
  const file = join(directory, 'march.json');
  const answer = await run(...days, '--format', 'json', '--out', file, '--json');
  expect(JSON.parse(answer.stdout)).toMatchObject({ file, format: 'json', rows: 210 });
  const rows = JSON.parse(readFileSync(file, 'utf8'));
  expect(new Set(rows.map(({ id }: { id: string }) => id)).size).toBe(210);
  const none = join(directory, 'none.json');
  await run('--from', '2026-03-01', '--until', '2026-04-01', '--format', 'json', '--out', none);
  expect(JSON.parse(readFileSync(none, 'utf8'))).toEqual([]);
});

test('what fails leaves the file as it was, and nothing beside it', async () => {
  const file = join(directory, 'kept.csv');
  writeFileSync(file, 'as it was');
  const answer = await run('--from', '2027-03-01', '--until', '2027-03-01', '--out', file);
  expect(answer).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--until (/until)') });
  expect(readFileSync(file, 'utf8')).toBe('as it was');
  expect(readdirSync(directory).filter((name) => name.endsWith('.new'))).toEqual([]);
  for (const [out, code] of [
    [join(directory, 'nowhere', 'march.csv'), 'ENOENT'],
    [directory, 'EISDIR'],
  ] as const) {
    expect(await run(...days, '--out', out)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`(${code}): name another file with --out`),
    });
  }
  expect(
    readdirSync(dirname(directory)).filter((name) => name.startsWith(`${basename(directory)}.`)),
  ).toEqual([]);
});

test('statements on their way are listed, with why they were not taken', async () => {
  await plane.api.database.db
    .updateTable('charge_export')
    .set({ target: 'files', tries: 3, last_error: 'The statement cannot be written to /books (ENOSPC).' })
    .where('practice_id', '=', 'practice-7')
    .execute();
  const list = (...args: readonly string[]) =>
    runHere(['plan', 'exports', ...args], {
      env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token },
    });
  const { stdout } = await list('--pending', '--practice', 'practice-7');
  expect(stdout).toMatch(/^practice-7-2027-02-20 +files +pending +3 +- +The statement .* \(ENOSPC\)\.$/m);
  expect(JSON.parse((await list('--all', '--json')).stdout).items).toHaveLength(practices);
  expect(await list('--practice', '')).toMatchObject({ code: 3, stdout: '' });
});
