import { backupChecks } from './backup-checks.ts';
import { bucketChecks } from './bucket-checks.ts';
import { databaseChecks } from './database-checks.ts';
import { entranceChecks } from './entrance-checks.ts';
import type { Evidence } from './evidence.ts';
import { keyChecks } from './key-checks.ts';
import { logChecks } from './log-checks.ts';
import { networkChecks } from './network-checks.ts';
import { serviceChecks } from './service-checks.ts';
import type { Check, SiloExpectations, SiloFacts } from './silo-check.ts';

/** Every check, in the order in which people read them. */
export const siloChecks: readonly Check[] = [
  ...keyChecks,
  ...databaseChecks,
  ...backupChecks,
  ...bucketChecks,
  ...networkChecks,
  ...logChecks,
  ...entranceChecks,
  ...serviceChecks,
];

/** Judges a silo by what was read of it. Pure: the same facts give the same evidence. */
export function judgeSilo(facts: SiloFacts, expectations: SiloExpectations): Evidence[] {
  return siloChecks.map((item) => ({
    check: item.id,
    title: item.title,
    safeguards: item.safeguards,
    source: item.source,
    ...item.judge(facts, expectations),
  }));
}
