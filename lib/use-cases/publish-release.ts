import { createHash } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import { publishRelease as insertRelease, lockPublications } from '../db/release-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { components, type Release } from '../domain/release.ts';
import type { Core } from './core.ts';

/**
 * Publishes a release: from now on approvals deploy it. Publishing the same content again changes nothing.
 * @returns whether it was new.
 * @throws DomainError `invalid_input` when a template is not the one that the manifest names; `conflict`.
 */
export async function publishRelease(core: Core, release: Release, actor: Actor): Promise<boolean> {
  assertWhole(release);
  return core.db.transaction().execute(async (trx) => {
    await lockPublications(trx);
    const now = core.clock.now();
    const added = await insertRelease(trx, release, { publishedBy: actor.name, now });
    if (!added) return false;
    const { id, contentHash, image } = release.manifest;
    await appendAudit(trx, {
      actor,
      action: 'release.published',
      subject: { type: 'release', id },
      details: { contentHash, image: `${image.repository}@${image.digest}` },
      at: now,
    });
    return true;
  });
}

function assertWhole({ manifest, templates }: Release): void {
  const changed = components.filter(
    (component) =>
      createHash('sha256').update(templates[component]).digest('hex') !==
      manifest.templates[component].sha256,
  );
  if (changed.length === 0) return;
  throw new DomainError(
    'invalid_input',
    `Release ${manifest.id} is not whole: the template of ${changed.join(', ')} differs from the hash in release.json. Build the release again.`,
  );
}
