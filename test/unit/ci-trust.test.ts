import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ciAccess } from '../../bin/ci-access.ts';
import { readConfig } from '../../lib/config.ts';
import { judgeToken, parseCiTrust } from '../../lib/domain/ci-trust.ts';

const entry = {
  name: 'github',
  issuer: 'https://token.actions.githubusercontent.com',
  audience: 'https://control.example',
  claims: { repository: 'lumenality/app', ref: 'refs/heads/main', workflow: 'Release' },
};
const parse = (changes: object) =>
  parseCiTrust(JSON.stringify({ trusted: [entry, { ...entry, name: 'other', ...changes }] }), 'trust.json');

test.each([
  ['an unknown field', { role: 'security_admin' }, 'trusted[1]: Unrecognized key: "role"'],
  ['no issuer', { issuer: undefined }, 'trusted[1].issuer: must be text'],
  ['http over the network', { issuer: 'http://ci.example' }, 'trusted[1].issuer: must be the https address'],
  ['the name of another', { name: 'github' }, 'trusted[1].name: is another entry'],
  ['no claims', { claims: {} }, 'trusted[1].claims: must name the project'],
  [
    'any repository',
    { claims: { ...entry.claims, repository: '*/app' } },
    'trusted[1].claims.repository: must be given in full',
  ],
  [
    'a pattern among several values',
    { claims: { ...entry.claims, repository: ['lumenality/app', 'lumenality*/app'] } },
    'trusted[1].claims.repository: must be given in full',
  ],
  [
    'any branch',
    { claims: { repository: 'lumenality/app', workflow: 'Release' } },
    'trusted[1].claims: must name what is built',
  ],
  [
    'any workflow',
    { claims: { repository: 'lumenality/app', ref: 'refs/heads/main' } },
    'trusted[1].claims: must name the workflow',
  ],
  [
    'any workflow of a repository that is named by its id',
    { claims: { repository_id: '4711', ref: 'refs/heads/main' } },
    'trusted[1].claims: must name the workflow',
  ],
  [
    'any workflow of a subject at GitHub',
    { claims: { sub: 'repo:lumenality/app:ref:refs/heads/main' } },
    'trusted[1].claims: must name the workflow',
  ],
  [
    'a pattern that any branch fits',
    { claims: { ...entry.claims, ref: ['refs/heads/main', '*'] } },
    'trusted[1].claims.ref: must say more than *',
  ],
  ['a claim that is no text', { claims: { ...entry.claims, ref: 7 } }, 'trusted[1].claims.ref: must be text'],
])('an allow-list with %s is refused by entry and field', (_case, changes, words) => {
  expect(() => parse(changes)).toThrow(words);
});

test('an allow-list of another issuer needs no workflow', () => {
  const claims = { project_path: 'lumenality/app', ref_path: 'refs/heads/main' };
  expect(parse({ issuer: 'https://gitlab.com', claims })).toHaveLength(2);
});

test('an allow-list without entries, or that is no JSON, is refused', () => {
  expect(() => parseCiTrust('{"trusted": []}', 'trust.json')).toThrow('trusted: must hold one entry or more');
  expect(() => parseCiTrust('{', 'trust.json')).toThrow('trust.json\n  it is not JSON');
});

test('a pattern stands for no slash, and its other characters for themselves', () => {
  const trust = parse({ claims: { ...entry.claims, ref: 'refs/tags/v1.*' } });
  const verdict = (ref: string) =>
    judgeToken(trust, {
      issuer: entry.issuer,
      audiences: [entry.audience],
      claims: { ...entry.claims, ref },
    });
  expect(verdict('refs/tags/v1.20').trusted).toBe(trust[1]);
  expect(verdict('refs/heads/main').trusted).toBe(trust[0]);
  for (const ref of ['refs/tags/v1x20', 'refs/tags/v1.2/x', 'x-refs/tags/v1.2', 'refs/heads/main\n', '']) {
    expect(verdict(ref)).toMatchObject({ trusted: undefined, claim: 'ref' });
  }
});

test('LUMENALITY_CI_TRUST names the file; one that cannot be read stops the start', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-trust-'));
  const file = join(directory, 'trust.json');
  const config = readConfig({ LUMENALITY_CI_TRUST: file });
  expect(() => ciAccess(config)).toThrow(`LUMENALITY_CI_TRUST names ${file}, which cannot be read (ENOENT)`);
  writeFileSync(file, JSON.stringify({ trusted: [entry] }));
  expect(ciAccess(config)?.trust).toEqual([entry]);
  expect(ciAccess(readConfig({}))).toBeUndefined();
  rmSync(directory, { recursive: true });
});
