import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { publicationOf, type ReleaseUploadBody } from '../../control-api/contracts/releases.ts';
import { ruleChecks } from '../../lib/domain/compliance-report.ts';
import { type Release, type ReleaseManifest, releaseManifestSchema } from '../../lib/domain/release.ts';
import { contentHashOf, releaseIdOf, sha256, templateContent } from '../../lib/domain/release-content.ts';
import type { DsseEnvelope } from '../../lib/domain/release-publication.ts';
import { type TrustedKey, toBeSigned, trustedKey } from '../../lib/domain/release-signature.ts';

/** A key that signs releases. */
export interface ReleaseKey extends TrustedKey {
  readonly privateKey: KeyObject;
}

export function newReleaseKey(): ReleaseKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...trustedKey(publicKey), privateKey };
}

interface Finding {
  readonly source: string;
  readonly rule: string;
  readonly resource: string;
  readonly severity: string;
  readonly reason?: string;
}

/** A compliance report as release:build would write it of these findings; those without a reason are unexplained. */
export function complianceReport(findings: readonly Finding[], changes: object = {}): string {
  const acknowledged = findings.filter(({ reason }) => reason !== undefined);
  const unexplained = findings.filter(({ reason }) => reason === undefined);
  return JSON.stringify({
    formatVersion: 1,
    checks: Object.values(ruleChecks).map((name) => ({
      name,
      findings: findings.filter(({ source }) => source === name).length,
    })),
    counts: {
      findings: findings.length,
      acknowledged: acknowledged.length,
      unexplained: unexplained.length,
    },
    acknowledged,
    unexplained,
    ...changes,
  });
}

const excused: Finding = {
  source: ruleChecks.hub,
  rule: 'SecurityHub.ELB.1',
  resource: 'foundation/Listener',
  severity: 'error',
  reason: 'Silos answer on HTTPS only.',
};

const templates: Release['templates'] = {
  foundation: JSON.stringify({
    Parameters: { PracticeId: { Type: 'String', AllowedPattern: '^[a-z][a-z0-9-]{2,30}$' } },
    Resources: { Key: { Type: 'AWS::KMS::Key' } },
    Outputs: { KeyArn: { Value: 'arn' } },
  }),
  data: JSON.stringify({ Resources: { Database: { Type: 'AWS::RDS::DBInstance' } } }),
  service: JSON.stringify({ Resources: { Service: { Type: 'AWS::ECS::Service' } } }),
};

/** A whole release of few resources, whose version makes it what it is. */
export function smallRelease(
  appVersion: string,
  compliance = complianceReport([excused]),
): Release & { readonly compliance: string } {
  const entry = (component: keyof typeof templates) => ({
    file: `templates/${component}.json`,
    ...templateContent(templates[component], JSON.parse(templates[component])),
  });
  const content = {
    appVersion,
    migration: '0001-start',
    image: { repository: 'lumenality/practice-app', digest: `sha256:${'a'.repeat(64)}` },
    templates: { foundation: entry('foundation'), data: entry('data'), service: entry('service') },
  };
  const contentHash = contentHashOf(content);
  const { counts } = JSON.parse(compliance) as { counts: { acknowledged: number } };
  const manifest = releaseManifestSchema.parse({
    formatVersion: 1,
    id: releaseIdOf(contentHash),
    contentHash,
    ...content,
    compliance: {
      file: 'compliance/report.json',
      sha256: sha256(compliance),
      acknowledged: counts.acknowledged,
      unexplained: 0,
    },
  });
  return { manifest, templates, compliance };
}

type Words = Pick<ReleaseUploadBody, 'kind' | 'severity' | 'deadline' | 'notes' | 'changelogUrl'>;

/** The body of `POST /v1/releases`, signed. */
export function signedUpload(
  key: ReleaseKey,
  release: Release & { readonly compliance: string },
  words: Words = { kind: 'fix', notes: 'Repairs the sign-in on old tablets.' },
): ReleaseUploadBody {
  return { ...release, ...words, signature: envelopeOf(key, release.manifest, words) };
}

export function envelopeOf(key: ReleaseKey, manifest: ReleaseManifest, words: Words): DsseEnvelope {
  const { message, ...content } = toBeSigned(manifest, publicationOf(words));
  const sig = sign('sha256', message, key.privateKey).toString('base64');
  return { ...content, signatures: [{ keyid: key.keyId, sig }] };
}
