import { readFileSync } from 'node:fs';
import type { Config } from '../lib/config.ts';
import { parseCiTrust } from '../lib/domain/ci-trust.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { remoteIdTokens } from '../lib/oidc/id-tokens.ts';
import type { CiAccess } from '../lib/use-cases/ci-token.ts';

/**
 * Which pipelines may sign in; undefined when no allow-list is named.
 * @throws DomainError `configuration` when it cannot be read or used.
 */
export function ciAccess({ ciTrustFile }: Config): CiAccess | undefined {
  if (ciTrustFile === undefined) return undefined;
  const trust = parseCiTrust(read(ciTrustFile), ciTrustFile);
  const issuers = new Set(trust.map(({ issuer }) => issuer));
  const audiencesOf = new Map(
    [...issuers].map((issuer) => [
      issuer,
      trust.filter((entry) => entry.issuer === issuer).map(({ audience }) => audience),
    ]),
  );
  return { trust, idTokens: remoteIdTokens(audiencesOf) };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new DomainError(
      'configuration',
      `LUMENALITY_CI_TRUST names ${file}, which cannot be read (${(cause as NodeJS.ErrnoException).code}).`,
      { cause },
    );
  }
}
