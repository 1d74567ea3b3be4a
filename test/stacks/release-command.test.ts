import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'lumenality-release-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...options: string[]) =>
  spawnSync(
    process.execPath,
    ['--import', 'tsx', join(__dirname, '../../bin/release-build.ts'), ...options],
    { encoding: 'utf8' },
  );

test('without a directory it says what is missing, and exits with 2', () => {
  expect(run()).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining("'--out <directory>' not specified") as string,
  });
});

test('an image that is named by a tag is refused in one message, with 1, and nothing is written', () => {
  const out = join(folder, 'release');
  const { status, stderr } = run('--out', out, '--image', 'lumenality/practice-app:latest');
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^"lumenality\/practice-app:latest" does not name one image\..*a tag is refused[^\n]*\n$/,
  );
  expect(existsSync(out)).toBe(false);
});

test('help says what it does and how', () => {
  const { status, stdout } = run('--help');
  expect(status).toBe(0);
  expect(stdout).toMatch(/--out <directory>.*--image <repository@digest>.*--json.*Examples:/s);
});

test('the practice stacks synthesise as cdk.json asks, without credentials, Region or network', () => {
  const outdir = join(folder, 'cdk.out');
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', join(__dirname, '../../bin/release.ts')],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], CDK_OUTDIR: outdir },
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const component of ['foundation', 'data', 'service'])
    expect(existsSync(join(outdir, `${component}.template.json`))).toBe(true);
});
