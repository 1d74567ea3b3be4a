import { type Check, check, listed, safeguards } from './silo-check.ts';

export const logChecks: readonly Check[] = [
  check({
    id: 'logs-under-key',
    title: "Every log group of the practice is encrypted with the practice's key",
    safeguards: [...safeguards.atRest, 'NIST SP 800-53r5 AU-9'],
    source: 'logs:DescribeLogGroups',
    fact: 'logGroups',
    expected: ({ keyArn, appLogGroupName }) => `${appLogGroupName} and all others under ${keyArn}`,
    observed: (groups) =>
      listed(groups.map(({ name, keyArn }) => `${name} under ${keyArn ?? "AWS's own key"}`)),
    passes: (groups, { keyArn, appLogGroupName }) =>
      groups.some(({ name }) => name === appLogGroupName) && groups.every((group) => group.keyArn === keyArn),
  }),
  check({
    id: 'logs-kept',
    title: 'Every log group of the practice is kept for a time that somebody decided',
    safeguards: [...safeguards.audit, '45 CFR 164.316(b)(2)(i)', 'NIST SP 800-53r5 AU-11'],
    source: 'logs:DescribeLogGroups',
    fact: 'logGroups',
    expected: ({ appLogGroupName }) =>
      `${appLogGroupName} for ${appLogDays} days or longer, all others for a fixed time`,
    observed: (groups) =>
      listed(groups.map(({ name, retentionDays }) => `${name}: ${retentionDays ?? 'no'} days`)),
    passes: (groups, { appLogGroupName }) =>
      groups.some(
        ({ name, retentionDays }) => name === appLogGroupName && (retentionDays ?? 0) >= appLogDays,
      ) && groups.every(({ retentionDays }) => retentionDays !== null),
  }),
];

/** Six years (45 CFR 164.316(b)(2)(i)), in the period of CloudWatch Logs that covers them. */
const appLogDays = 2192;
