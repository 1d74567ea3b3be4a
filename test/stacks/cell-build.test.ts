import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCell } from '../../stacks/cell/build.ts';
import type { ComplianceReport } from '../../stacks/release/compliance.ts';
import { builtRelease } from '../builders/built-release.ts';
import { type Template, textOf } from './template.ts';

const folder = mkdtempSync(join(tmpdir(), 'lumenality-cell-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (entry: string, options: readonly string[], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, ['--import', 'tsx', join(__dirname, '../../bin', entry), ...options], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });

test('a cell is built by the rules of a release, with no finding unexplained', async () => {
  const { cell: out } = await builtRelease();
  expect(readdirSync(out).sort()).toEqual([
    'cell-report.json',
    'lumenality-cell-copies.template.json',
    'lumenality-cell.template.json',
  ]);
  const report = JSON.parse(readFileSync(join(out, 'cell-report.json'), 'utf8')) as ComplianceReport;
  expect(report.unexplained).toEqual([]);
  expect(report.acknowledged).toHaveLength(report.counts.acknowledged);
  const [cell, copies] = ['lumenality-cell', 'lumenality-cell-copies'].map(
    (name) => JSON.parse(readFileSync(join(out, `${name}.template.json`), 'utf8')) as Template,
  );
  // What practice templates count on by name.
  expect(Object.values(cell?.Resources ?? {}).map(({ Properties }) => Properties?.['RoleName'])).toEqual(
    expect.arrayContaining(['control-plane', 'deploy', 'retire', 'database-monitoring']),
  );
  expect(textOf(cell?.Resources['PracticeBoundary']?.Properties)).toContain('"practice-boundary"');
  expect(copies?.Resources['Vault']).toMatchObject({
    DeletionPolicy: 'RetainExceptOnCreate',
    Properties: {
      BackupVaultName: 'lumenality-copies',
      LockConfiguration: { MinRetentionDays: 35, ChangeableForDays: 3 },
    },
  });
});

test('a directory that holds something else is left alone', async () => {
  const mine = join(folder, 'mine');
  mkdirSync(mine);
  writeFileSync(join(mine, 'thesis.txt'), 'years of work');
  await expect(buildCell(mine)).rejects.toThrow(/mine is not empty and holds no cell-report\.json/);
  expect(readdirSync(mine)).toEqual(['thesis.txt']);
});

test('without a directory the command says how it is used, and exits with 2', () => {
  expect(run('cell-build.ts', [])).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(/^Usage: npm run cell:build -- --out/) as string,
  });
});

test('the stacks of a cell synthesise for the CDK command line, without credentials, Region or network', () => {
  const outdir = join(folder, 'cdk.out');
  const { status, stderr } = run('cell.ts', [], { CDK_OUTDIR: outdir });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const stack of ['lumenality-cell', 'lumenality-cell-copies'])
    expect(existsSync(join(outdir, `${stack}.template.json`))).toBe(true);
});
