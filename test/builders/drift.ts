import type { Db } from '../../lib/db/database.ts';
import { claimDriftCheck, type DriftChange, recordDrift } from '../../lib/db/drift-store.ts';
import { type DriftDifference, type DriftFindings, noFindings } from '../../lib/domain/drift.ts';

export const retention: DriftDifference = {
  component: 'foundation',
  kind: 'resource',
  resource: 'AppLogGroup',
  type: 'AWS::Logs::LogGroup',
  physicalId: '/lumenality/willow/app',
  property: '/RetentionInDays',
  expected: '2192',
  actual: '30',
  meaning: 'Somebody changed it.',
  nextAction: 'Set it back.',
};

export const drifted: DriftFindings = { ...noFindings, differences: [retention] };
export const unreadable: DriftFindings = { ...noFindings, problems: ['kms:DescribeKey: AccessDenied'] };

/** A look that began at `at`, as the reconciler makes them one after the other; undefined when it was nobody's turn. */
export async function lookAt(
  db: Db,
  at: Date,
  releaseId: string,
  findings: DriftFindings,
): Promise<(DriftChange & { readonly practiceId: string }) | undefined> {
  const claim = await claimDriftCheck(db, { startedAt: at, until: new Date(at.getTime() + 60_000) });
  if (claim === undefined) return undefined;
  const nextCheckAt = new Date(at.getTime() + 3_600_000);
  const change = await db
    .transaction()
    .execute((trx) => recordDrift(trx, claim, { releaseId, findings, nextCheckAt }));
  return change && { practiceId: claim.practiceId, ...change };
}
