import type { ReleasePreview as Preview } from '../lib/use-cases/preview-release.ts';
import type { PublishedRelease } from '../lib/use-cases/read-releases.ts';
import type { Release, ReleasePreview } from './contracts/releases.ts';

export function toRelease(release: PublishedRelease): Release {
  const { id, ordinal, manifest, kind, severity, deadline, notes, changelogUrl, halted } = release;
  return {
    id,
    ordinal,
    contentHash: manifest.contentHash,
    appVersion: manifest.appVersion,
    imageDigest: manifest.image.digest,
    migration: manifest.migration,
    compliance: { sha256: manifest.compliance.sha256, acknowledged: manifest.compliance.acknowledged },
    kind,
    severity,
    deadline: deadline === null ? null : deadline.toISOString(),
    notes,
    changelogUrl,
    state: release.state === 'published' && release.superseded ? 'superseded' : release.state,
    halted: halted === null ? null : { ...halted, at: halted.at.toISOString() },
    signedBy: release.signature?.signatures.map(({ keyid }) => keyid) ?? [],
    publishedBy: release.publishedBy,
    publishedAt: release.publishedAt.toISOString(),
  };
}

export function toPreview({ at, stacks, ...of }: Preview): ReleasePreview {
  return {
    ...of,
    at: at.toISOString(),
    stacks: stacks.map((stack) => ({ ...stack, changes: [...stack.changes] })),
  };
}
