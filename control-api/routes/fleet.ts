import {
  type PatchLatency as Latency,
  readFleetVersions,
  readPatchLatency,
  type FleetVersions as Versions,
} from '../../lib/use-cases/fleet.ts';
import {
  type FleetVersions,
  fleetVersionsSchema,
  type PatchLatency,
  patchLatencyQuerySchema,
  patchLatencySchema,
} from '../contracts/fleet.ts';
import type { AppDeps } from '../deps.ts';
import type { Routes } from './types.ts';

/** What the fleet runs, and how long it took to get there. */
export function fleetRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/fleet/versions',
    schema: {
      summary: 'Count practices by the release that they run',
      description:
        'What counts is the release of the last deployment that was verified. Practices without a silo run none.',
      tags: ['fleet'],
      response: { 200: fleetVersionsSchema },
    },
    handler: async () => toVersions(await readFleetVersions(core)),
  });

  app.route({
    method: 'GET',
    url: '/v1/fleet/patch-latency',
    schema: {
      summary: 'Read how long a release takes from its publication to each practice',
      description:
        'Of practices that ran an older release: one that began with this release or a newer needed no update. A newer release counts as this one, and a practice that went back is open. Those that are open come first, then the newest updates.',
      tags: ['fleet'],
      querystring: patchLatencyQuerySchema,
      response: { 200: patchLatencySchema },
    },
    handler: async (request) => toLatency(await readPatchLatency(core, request.query)),
  });
}

const dayMs = 86_400_000;
/** To a hundredth of a day, a quarter of an hour. */
const daysOf = (ms: number): number => Math.round((ms / dayMs) * 100) / 100;
const daysBetween = (from: Date, until: Date): number => daysOf(until.getTime() - from.getTime());
const time = (at: Date | null): string | null => at?.toISOString() ?? null;

function toVersions({ asOf, practices, newestReleaseId, behind, releases }: Versions): FleetVersions {
  const oldest = releases.at(-1);
  return {
    asOf: asOf.toISOString(),
    practices,
    newestReleaseId,
    behind,
    oldest:
      oldest === undefined
        ? null
        : {
            releaseId: oldest.id,
            publishedAt: oldest.publishedAt.toISOString(),
            ageDays: daysBetween(oldest.publishedAt, asOf),
          },
    releases: releases.map((release) => ({
      releaseId: release.id,
      appVersion: release.appVersion,
      kind: release.kind,
      halted: release.state === 'halted',
      publishedAt: release.publishedAt.toISOString(),
      practices: release.practices,
      share: release.practices / practices,
      firstUpdateAt: time(release.firstUpdateAt),
      newestUpdateAt: time(release.newestUpdateAt),
    })),
  };
}

function toLatency({ asOf, release, items, nextCursor, ...figures }: Latency): PatchLatency {
  const { publishedAt, deadline } = release;
  const { practices, patched, late, medianMs, p95Ms } = figures;
  return {
    asOf: asOf.toISOString(),
    releaseId: release.id,
    kind: release.kind,
    severity: release.severity,
    publishedAt: publishedAt.toISOString(),
    deadline: time(deadline),
    practices,
    patched,
    open: practices - patched,
    late,
    medianDays: medianMs === null ? null : daysOf(medianMs),
    p95Days: p95Ms === null ? null : daysOf(p95Ms),
    items: items.map(({ practiceId, patchedAt }) => {
      const until = patchedAt ?? asOf;
      return {
        practiceId,
        patchedAt: time(patchedAt),
        days: daysBetween(publishedAt, until),
        late: deadline !== null && until > deadline,
      };
    }),
    nextCursor,
  };
}
