import {
  countByRelease,
  listPatchTimes,
  listReleasesInUse,
  newestSecurityRelease,
  type PatchedPractice,
  type PatchFigures,
  type ReleaseInUse,
  readPatchFigures,
} from '../db/fleet-store.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { newestRelease, type PublishedRelease, readRelease } from '../db/release-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';

/** Which releases the fleet runs, at one moment. */
export interface FleetVersions {
  readonly asOf: Date;
  /** Practices that have a silo and run a release. */
  readonly practices: number;
  /** The newest that is not halted; null while nothing is published. */
  readonly newestReleaseId: string | null;
  /** Practices that run an older one than that: the version skew. */
  readonly behind: number;
  /** The newest release first. */
  readonly releases: readonly ReleaseInUse[];
}

export async function readFleetVersions(core: Core): Promise<FleetVersions> {
  const releases = await listReleasesInUse(core.db);
  const newest = await newestRelease(core.db);
  return {
    asOf: core.clock.now(),
    practices: sum(releases),
    newestReleaseId: newest?.id ?? null,
    behind: skew(releases, newest),
    releases,
  };
}

const sum = (releases: readonly { readonly practices: number }[]): number =>
  releases.reduce((all, { practices }) => all + practices, 0);

const skew = (
  releases: readonly { readonly ordinal: number; readonly practices: number }[],
  newest: PublishedRelease | undefined,
): number => sum(releases.filter(({ ordinal }) => newest !== undefined && ordinal < newest.ordinal));

/** How long a release takes from its publication to the practices that ran an older one. */
export interface PatchLatency extends PatchFigures, Page<PatchedPractice> {
  readonly asOf: Date;
  readonly release: PublishedRelease;
}

/**
 * @param request without a release the newest security release that is not halted
 * @throws DomainError `not_found`, also when there is no security release; `invalid_input` for a cursor that is not one of this list.
 */
export async function readPatchLatency(
  core: Core,
  request: PageRequest & { readonly release?: string | undefined },
): Promise<PatchLatency> {
  const id = request.release ?? (await newestSecurityRelease(core.db));
  if (id === undefined)
    throw new DomainError(
      'not_found',
      'No security release is published. Name any release to see how long it takes to the practices.',
    );
  const release = await readRelease(core.db, id);
  if (release === undefined) throw notFound('release');
  const asOf = core.clock.now();
  const figures = await readPatchFigures(core.db, release, asOf);
  return { asOf, release, ...figures, ...(await listPatchTimes(core.db, release, request)) };
}

/** What metrics tell of releases. */
export interface FleetFigures {
  readonly releases: readonly { readonly id: string; readonly practices: number }[];
  readonly behind: number;
  /** Of the newest security release that is not halted. */
  readonly patch: (PatchFigures & { readonly release: string }) | undefined;
}

export async function fleetFigures(core: Core): Promise<FleetFigures> {
  const releases = await countByRelease(core.db);
  const behind = skew(releases, await newestRelease(core.db));
  const id = await newestSecurityRelease(core.db);
  const release = id === undefined ? undefined : await readRelease(core.db, id);
  if (release === undefined) return { releases, behind, patch: undefined };
  const figures = await readPatchFigures(core.db, release, core.clock.now());
  return { releases, behind, patch: { release: release.id, ...figures } };
}
