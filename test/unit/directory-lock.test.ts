import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDirectory } from '../../lib/db/directory-lock.ts';

let directory: string;
const file = (): string => join(directory, 'control-plane.pid');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lumenality-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a directory has one owner at a time, also within a process', () => {
  const lock = lockDirectory(directory);
  expect(() => lockDirectory(directory)).toThrow(`in use by process ${process.pid}`);
  lock.release();
  lockDirectory(directory).release();
});

test("another living process's directory is refused", () => {
  writeFileSync(file(), JSON.stringify({ pid: process.ppid }));
  expect(() => lockDirectory(directory)).toThrow(`in use by process ${process.ppid}`);
});

test.each([
  ['a process that is gone', JSON.stringify({ pid: 2 ** 30 })],
  ['an earlier process with the pid of this one', JSON.stringify({ pid: process.pid, startedAt: '1' })],
  ['an earlier process with the pid of a living one', JSON.stringify({ pid: process.ppid, startedAt: '1' })],
  ['a process that was killed while it wrote', '{"pid":'],
])('the lock of %s is taken over', (_owner, content) => {
  writeFileSync(file(), content);
  const lock = lockDirectory(directory);
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toMatchObject({ pid: process.pid });
  lock.release();
});

test('a directory that cannot be made says what to do', () => {
  writeFileSync(join(directory, 'a-file'), '');
  expect(() => lockDirectory(join(directory, 'a-file', 'below'))).toThrow('set LUMENALITY_DATA_DIR');
});
