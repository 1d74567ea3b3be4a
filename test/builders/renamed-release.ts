import { createHash } from 'node:crypto';
import { type Release, releaseManifestSchema } from '../../lib/domain/release.ts';

/** The same templates and image under another name: an update to it changes tags and little else, of every stack. */
export function renamedRelease({ manifest, templates }: Release): Release {
  const contentHash = createHash('sha256').update(`renamed ${manifest.contentHash}`).digest('hex');
  const renamed = { ...manifest, id: `r-${contentHash.slice(0, 12)}`, contentHash };
  return { manifest: releaseManifestSchema.parse(renamed), templates };
}
