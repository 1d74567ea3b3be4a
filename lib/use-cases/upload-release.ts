import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { publishRelease as insertRelease, lockPublications, readRelease } from '../db/release-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/json.ts';
import type { Publication } from '../domain/release-publication.ts';
import type { TrustedKey } from '../domain/release-signature.ts';
import { type ReleaseUpload, verifyUpload } from '../domain/release-upload.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';

/**
 * Publishes a release that was built elsewhere, once everything about it is verified; nothing is kept of one that is refused. What is
 * published already, in the same words, may be handed in again: then nothing changes, and the status is 200 instead of 201.
 * @throws DomainError `invalid_input`; `configuration` when no key is trusted; `conflict` when the same content is published in other
 * words.
 */
export async function uploadRelease(
  core: Core,
  upload: ReleaseUpload,
  call: { readonly idempotencyKey: string; readonly trusted: readonly TrustedKey[] },
  actor: Actor,
): Promise<OnceAnswer<{ readonly id: string }>> {
  const { idempotencyKey, trusted } = call;
  if (trusted.length === 0) {
    throw new DomainError(
      'configuration',
      'This control plane trusts no key, so no release can be verified. Name the public keys of your releases with LUMENALITY_RELEASE_KEYS.',
    );
  }
  const scope = `POST /v1/releases ${actor.id}`;
  return answerOnce(core, { scope, key: idempotencyKey, request: upload }, async (trx) => {
    // A deadline has to be in the future when it is set, not whenever a pipeline repeats its call.
    const published = await readRelease(trx, upload.manifest.id);
    verifyUpload(upload, { now: published?.publishedAt ?? core.clock.now(), trusted });
    const added = await record(core, trx, upload, actor);
    return { status: added ? 201 : 200, body: { id: upload.manifest.id } };
  });
}

async function record(core: Core, trx: Trx, upload: ReleaseUpload, actor: Actor): Promise<boolean> {
  const { manifest, publication, signature } = upload;
  await lockPublications(trx);
  const now = core.clock.now();
  const published = { publishedBy: actor.name, now, publication, signature };
  if (!(await insertRelease(trx, upload, published))) {
    await requireSameWords(trx, manifest.id, publication);
    return false;
  }
  const { id, contentHash, image } = manifest;
  await appendAudit(trx, {
    actor,
    action: 'release.published',
    subject: { type: 'release', id },
    details: {
      ...publication,
      contentHash,
      image: `${image.repository}@${image.digest}`,
      keyIds: signature.signatures.map(({ keyid }) => keyid),
    },
    at: now,
  });
  return true;
}

async function requireSameWords(trx: Trx, id: string, publication: Publication): Promise<void> {
  const published = await readRelease(trx, id);
  if (published === undefined) throw new Error(`release ${id} was found a moment ago`);
  const { kind, severity, deadline, notes, changelogUrl, signature } = published;
  if (canonicalJson({ kind, severity, deadline, notes, changelogUrl }) === canonicalJson(publication)) return;
  throw new DomainError(
    'conflict',
    signature === null
      ? `Release ${id} is this control plane's own: it published it when it started, unsigned and without notes, and approvals and rollouts can deploy it as it is. Only a release of other content (app, image, migrations or templates) can be published beside it.`
      : `Release ${id} is published already, as a ${kind} release and in other words. What was published never changes: publish it as it was, or build a new release.`,
    { context: { releaseId: id } },
  );
}
