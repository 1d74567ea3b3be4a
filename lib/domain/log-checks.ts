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
    title:
      'Every log group of the practice is kept for a year or longer, the app’s for six, and none for ever',
    safeguards: [...safeguards.audit, '45 CFR 164.316(b)(2)(i)', 'NIST SP 800-53r5 AU-11'],
    source: 'logs:DescribeLogGroups',
    fact: 'logGroups',
    expected: ({ appLogGroupName }) =>
      `${appLogGroupName} for ${appLogDays} days or longer, all others for ${leastDays}, none for ever`,
    observed: (groups) =>
      listed(groups.map(({ name, retentionDays }) => `${name}: ${retentionDays ?? 'no'} days`)),
    passes: (groups, { appLogGroupName }) =>
      groups.some(
        ({ name, retentionDays }) => name === appLogGroupName && (retentionDays ?? 0) >= appLogDays,
      ) && groups.every(({ retentionDays }) => retentionDays !== null && retentionDays >= leastDays),
  }),
];

/** Six years (45 CFR 164.316(b)(2)(i)), in the period of CloudWatch Logs that covers them. */
const appLogDays = 2192;
/** Security Hub's CloudWatch.16. */
const leastDays = 365;
