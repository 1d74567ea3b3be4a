import type { DriftDifference, DriftFindings } from './drift.ts';
import type { SiloExpectations, SiloFacts } from './silo-check.ts';
import { checksFor, componentOfCheck, judgeSilo } from './silo-checks.ts';

/** Checks of what a silo does at the moment, not of how it is made: these come and go without any change to it. */
const passing: Readonly<Record<string, string>> = {
  'database-available': 'RDS reboots and maintains the database in its maintenance window',
  'service-steady': 'ECS replaces tasks at any time',
  'app-ready': 'the health of the app is watched apart',
};

const remedies: Readonly<Record<string, string>> = {
  'default-security-group-closed':
    'Find out in CloudTrail who added the rule and what uses the group. An update of the practice (lumenality practice update) closes it again.',
  'key-enabled':
    'Find out in CloudTrail who disabled the key, and enable it: RDS gives a database up that cannot use its key for 7 days.',
};

/** The verification checks, as drift: what fails is a difference, what could not be read is a problem. */
export function checkFindings(facts: SiloFacts, expectations: SiloExpectations): DriftFindings {
  const differences: DriftDifference[] = [];
  const problems = new Set<string>();
  const evidence = judgeSilo(facts, expectations);
  for (const [place, { id, title, fact }] of checksFor(expectations.access).entries()) {
    const judged = evidence[place];
    if (judged === undefined || judged.passed || id in passing) continue;
    const reading = facts[fact];
    if ('error' in reading) {
      problems.add(`${judged.source}: ${reading.error}`);
      continue;
    }
    differences.push({
      component: componentOfCheck(id),
      kind: 'check',
      resource: id,
      type: null,
      physicalId: null,
      property: '/',
      expected: judged.expected,
      actual: judged.observed,
      meaning: `This is no longer true: ${title}.`,
      nextAction:
        remedies[id] ??
        'Find out in CloudTrail who changed what the check reads, and set it right in AWS; a release that weakens it is not built.',
    });
  }
  return { differences, accepted: [], problems: [...problems] };
}
