import { backupChecks } from './backup-checks.ts';
import { bucketChecks } from './bucket-checks.ts';
import { closedChecks } from './closed-checks.ts';
import { databaseChecks } from './database-checks.ts';
import { entranceChecks } from './entrance-checks.ts';
import type { Evidence } from './evidence.ts';
import { keyChecks } from './key-checks.ts';
import { logChecks } from './log-checks.ts';
import { networkChecks } from './network-checks.ts';
import { type Component, components } from './release.ts';
import { serviceChecks } from './service-checks.ts';
import type { Check, SiloExpectations, SiloFacts } from './silo-check.ts';
import type { Access } from './stack-plan.ts';

/** By the stack that makes what they look at, each list in the order in which people read it. */
const checksOf: Readonly<Record<Component, readonly Check[]>> = {
  foundation: [...keyChecks, ...networkChecks, ...bucketChecks, ...logChecks, ...entranceChecks],
  data: [...databaseChecks, ...backupChecks],
  service: serviceChecks,
};

/** Every check of a silo that is to be reached, in the order in which people read them. */
export const siloChecks: readonly Check[] = components.flatMap((component) => checksOf[component]);

/** Every check of one that is closed: the same of all that it keeps, and others of its app. */
const closedSiloChecks: readonly Check[] = [...checksOf.foundation, ...checksOf.data, ...closedChecks];

export const checksFor = (access: Access): readonly Check[] =>
  access === 'open' ? siloChecks : closedSiloChecks;

/** The component whose stack makes what a check looks at. */
export function componentOfCheck(id: string): Component {
  const has = (check: Check): boolean => check.id === id;
  if (closedChecks.some(has)) return 'service';
  const found = components.find((component) => checksOf[component].some(has));
  if (found === undefined) throw new Error(`there is no check ${id}`);
  return found;
}

/** Judges a silo, open or closed as it is to be, by what was read of it. Pure: the same facts give the same evidence. */
export function judgeSilo(facts: SiloFacts, expectations: SiloExpectations): Evidence[] {
  return checksFor(expectations.access).map((item) => ({
    check: item.id,
    title: item.title,
    safeguards: item.safeguards,
    source: item.source,
    ...item.judge(facts, expectations),
  }));
}
