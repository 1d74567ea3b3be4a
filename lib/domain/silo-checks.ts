import { backupChecks } from './backup-checks.ts';
import { bucketChecks } from './bucket-checks.ts';
import { databaseChecks } from './database-checks.ts';
import { entranceChecks } from './entrance-checks.ts';
import type { Evidence } from './evidence.ts';
import { keyChecks } from './key-checks.ts';
import { logChecks } from './log-checks.ts';
import { networkChecks } from './network-checks.ts';
import { type Component, components } from './release.ts';
import { serviceChecks } from './service-checks.ts';
import type { Check, SiloExpectations, SiloFacts } from './silo-check.ts';

/** By the stack that makes what they look at, each list in the order in which people read it. */
const checksOf: Readonly<Record<Component, readonly Check[]>> = {
  foundation: [...keyChecks, ...networkChecks, ...bucketChecks, ...logChecks, ...entranceChecks],
  data: [...databaseChecks, ...backupChecks],
  service: serviceChecks,
};

/** Every check, in the order in which people read them. */
export const siloChecks: readonly Check[] = components.flatMap((component) => checksOf[component]);

/** The component whose stack makes what a check looks at. */
export function componentOfCheck(id: string): Component {
  const found = components.find((component) => checksOf[component].some((check) => check.id === id));
  if (found === undefined) throw new Error(`there is no check ${id}`);
  return found;
}

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
