import { appendAudit } from '../db/audit-store.ts';
import {
  publishRelease as insertRelease,
  lockPublications,
  type ReportedRelease,
} from '../db/release-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { components } from '../domain/release.ts';
import { sha256 } from '../domain/release-content.ts';
import type { Core } from './core.ts';

/**
 * Publishes a release: from now on approvals deploy it. Publishing the same content again changes nothing.
 * @returns whether it was new.
 * @throws DomainError `invalid_input` when a template or the report is not the one that the manifest names; `conflict`.
 */
export async function publishRelease(core: Core, release: ReportedRelease, actor: Actor): Promise<boolean> {
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

function assertWhole({ manifest, templates, compliance }: ReportedRelease): void {
  const changed: string[] = components
    .filter((component) => sha256(templates[component]) !== manifest.templates[component].sha256)
    .map((component) => `the template of ${component}`);
  if (compliance !== undefined && sha256(compliance) !== manifest.compliance.sha256) {
    changed.push('the compliance report');
  }
  if (changed.length === 0) return;
  throw new DomainError(
    'invalid_input',
    `Release ${manifest.id} is not whole: ${changed.join(', ')} differs from the hash in release.json. Build the release again.`,
  );
}
