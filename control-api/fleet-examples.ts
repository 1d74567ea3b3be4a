import type { FleetVersions, PatchLatency } from './contracts/fleet.ts';

const asOf = '2026-11-27T08:00:00.000Z';

const versions: FleetVersions = {
  asOf,
  practices: 40,
  newestReleaseId: 'r-0123456789ab',
  behind: 10,
  oldest: { releaseId: 'r-ba9876543210', publishedAt: '2026-10-30T08:00:00.000Z', ageDays: 28 },
  releases: [
    {
      releaseId: 'r-0123456789ab',
      appVersion: '1.4.2',
      kind: 'security',
      halted: false,
      publishedAt: '2026-11-20T15:04:05.000Z',
      practices: 30,
      share: 0.75,
      firstUpdateAt: '2026-11-22T08:09:30.000Z',
      newestUpdateAt: '2026-11-26T09:12:00.000Z',
    },
    {
      releaseId: 'r-ba9876543210',
      appVersion: '1.4.1',
      kind: 'feature',
      halted: false,
      publishedAt: '2026-10-30T08:00:00.000Z',
      practices: 10,
      share: 0.25,
      firstUpdateAt: '2026-11-01T07:10:00.000Z',
      newestUpdateAt: '2026-11-15T08:20:00.000Z',
    },
  ],
};

const latency: PatchLatency = {
  asOf,
  releaseId: 'r-0123456789ab',
  kind: 'security',
  severity: 'high',
  publishedAt: '2026-11-20T15:04:05.000Z',
  deadline: '2026-12-04T00:00:00.000Z',
  practices: 40,
  patched: 30,
  open: 10,
  late: 0,
  medianDays: 1.73,
  p95Days: 5.69,
  items: [{ practiceId: 'sunrise-aba', patchedAt: null, days: 6.71, late: false }],
  nextCursor: 'OTk5OS0xMi0zMVQyMzo1OTo1OS45OTlaIHN1bnJpc2UtYWJh',
};

/** An answer for each named schema of this resource, as response-examples.ts has them. */
export const fleetExamples: Readonly<Record<string, unknown>> = {
  FleetVersions: versions,
  PatchLatency: latency,
};
