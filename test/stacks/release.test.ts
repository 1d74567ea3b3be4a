import { createHash } from 'node:crypto';
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
import { publicationOf } from '../../control-api/contracts/releases.ts';
import type { ReleaseManifest } from '../../lib/domain/release.ts';
import { components, releaseManifestSchema } from '../../lib/domain/release.ts';
import { verifyUpload } from '../../lib/domain/release-upload.ts';
import { acknowledgements } from '../../stacks/acknowledgements.ts';
import { type BuiltRelease, buildRelease } from '../../stacks/release/build.ts';
import { type ComplianceReport, type Finding, judge } from '../../stacks/release/compliance.ts';
import { imageOf } from '../../stacks/release/manifest.ts';
import { newReleaseKey, signedUpload } from '../builders/signed-release.ts';

const folder = mkdtempSync(join(tmpdir(), 'lumenality-release-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const digest = `sha256:${'a'.repeat(64)}`;
const appEntry = join(folder, 'app', 'main.ts');

const build = (
  out: string,
  more: { image?: string; acknowledgements?: typeof acknowledgements } = {},
): Promise<BuiltRelease<ReleaseManifest>> =>
  buildRelease({
    out: join(folder, out),
    appEntry,
    appVersion: '1.2.3',
    migration: '0001-identity',
    parseManifest: (manifest) => releaseManifestSchema.parse(manifest),
    ...more,
  });

let release: BuiltRelease<ReleaseManifest>;
beforeAll(async () => {
  mkdirSync(join(folder, 'app'));
  writeFileSync(join(folder, 'app', 'package.json'), '{}');
  writeFileSync(appEntry, "console.log('practice app');\n");
  release = await build('release');
});

const read = (file: string, from = 'release'): string => readFileSync(join(folder, from, file), 'utf8');
const sha256 = (body: string): string => createHash('sha256').update(body).digest('hex');

describe('a release directory', () => {
  test('holds what its manifest names, with the hashes that it names', () => {
    const manifest = releaseManifestSchema.parse(JSON.parse(read('release.json')));
    expect(manifest).toEqual(release.manifest);
    for (const component of components) {
      const { file, bytes, sha256: expected } = manifest.templates[component];
      expect(sha256(read(file))).toBe(expected);
      expect(Buffer.byteLength(read(file))).toBe(bytes);
    }
    expect(sha256(read(manifest.compliance.file))).toBe(manifest.compliance.sha256);
    expect(`sha256:${sha256(read('image/manifest.json'))}`).toBe(manifest.image.digest);
    expect(manifest.id).toBe(`r-${manifest.contentHash.slice(0, 12)}`);
  });

  test('is what the control plane takes, once it is signed', () => {
    const { manifest } = release;
    const templates = {
      foundation: read(manifest.templates.foundation.file),
      data: read(manifest.templates.data.file),
      service: read(manifest.templates.service.file),
    };
    const key = newReleaseKey();
    const words = { kind: 'feature', notes: 'Group notes' } as const;
    const upload = signedUpload(
      key,
      { manifest, templates, compliance: read(manifest.compliance.file) },
      words,
    );
    const whole = { ...upload, publication: publicationOf(words) };
    expect(() => verifyUpload(whole, { now: new Date(), trusted: [key] })).not.toThrow();
  });

  test('says of each finding who looked, what was found and why it is accepted', () => {
    const report = JSON.parse(read('compliance/report.json')) as ComplianceReport;
    expect(report.checks.map(({ name }) => name)).toEqual([
      'cdk-nag HIPAA Security',
      'CloudFormation Validate',
      'AWS Security Hub',
    ]);
    expect(report.counts).toEqual({
      findings: report.acknowledged.length,
      acknowledged: report.acknowledged.length,
      unexplained: 0,
    });
    expect(report.counts.acknowledged).toBe(release.manifest.compliance.acknowledged);
    for (const finding of report.acknowledged) expect(finding.reason.length).toBeGreaterThan(60);
  });

  test('is the same release when it is built again, and replaces the one before', async () => {
    writeFileSync(join(folder, 'release', 'stray'), 'left behind');
    const again = await build('release');
    expect(again.manifest).toEqual(release.manifest);
    expect(readdirSync(join(folder, 'release')).sort()).toEqual([
      'compliance',
      'image',
      'release.json',
      'templates',
    ]);
    expect(readdirSync(folder).filter((name) => name.startsWith('.release'))).toEqual([]);
  });
});

describe('no release is written', () => {
  test('for a finding that nobody explained: the message names rule, resource and what to do', async () => {
    const [, ...others] = acknowledgements;
    const missing = acknowledgements[0];
    await expect(build('unexplained', { acknowledgements: others })).rejects.toThrow(
      new RegExp(
        `1 finding without an explanation.*${missing?.resources[0]}.*${missing?.rule}.*acknowledgements\\.ts`,
        's',
      ),
    );
    expect(existsSync(join(folder, 'unexplained'))).toBe(false);
  });

  test.each([
    'lumenality/practice-app:latest',
    'lumenality/practice-app',
    `lumenality/practice-app:1.0@${digest}`,
    'lumenality/practice-app@sha256:abc',
    digest,
  ])('for the image name %s, which is not a repository and a digest', async (image) => {
    await expect(build('tagged', { image })).rejects.toThrow(/does not name one image.*a tag is refused/);
    expect(existsSync(join(folder, 'tagged'))).toBe(false);
  });

  test('into a directory that holds something else, which stays as it was', async () => {
    mkdirSync(join(folder, 'mine'));
    writeFileSync(join(folder, 'mine', 'thesis.txt'), 'years of work');
    await expect(build('mine')).rejects.toThrow(/mine is not empty and holds no release\.json/);
    expect(readdirSync(join(folder, 'mine'))).toEqual(['thesis.txt']);
    await expect(build('mine/thesis.txt')).rejects.toThrow(/is a file, or lies under one\. Name a directory/);
  });
});

test('an image in a registry is named without the registry: each cell has its own', () => {
  for (const host of ['', '123456789012.dkr.ecr.us-east-1.amazonaws.com/', 'localhost:5000/']) {
    expect(imageOf(`${host}lumenality/practice-app@${digest}`, 'bundled')).toEqual({
      repository: 'lumenality/practice-app',
      digest,
    });
  }
  expect(() => imageOf(`other/app@${digest}`, 'bundled')).toThrow(
    /repository "other\/app"; a silo may pull from "lumenality\/practice-app" only/,
  );
  expect(imageOf(undefined, digest)).toEqual({ repository: 'lumenality/practice-app', digest });
});

describe('acknowledgements', () => {
  const finding: Finding = {
    source: 'cdk-nag HIPAA Security',
    rule: 'Rule',
    resource: 'data/DatabaseInstance',
    severity: 'error',
    description: 'Not as it should be.',
  };

  test('excuse the resources that they name and no other', () => {
    const other = { ...finding, resource: 'data/Other' };
    const report = judge(
      [finding, other],
      [{ rule: 'Rule', resources: [finding.resource], reason: 'Because.' }],
    );
    expect(report.acknowledged).toEqual([{ ...finding, reason: 'Because.' }]);
    expect(report.unexplained).toEqual([other]);
  });

  test('that fit no finding are refused: they would excuse a later mistake', () => {
    expect(() => judge([], [{ rule: 'Rule', resources: ['data/Gone'], reason: 'Because.' }])).toThrow(
      /fit no finding.*Rule on data\/Gone/s,
    );
  });
});
