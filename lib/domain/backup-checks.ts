import { type Check, check, listed, safeguards } from './silo-check.ts';
import type { BackupPlanFacts } from './silo-facts.ts';

export const backupChecks: readonly Check[] = [
  check({
    id: 'vault-locked',
    title: 'Backups cannot be deleted before their time, by anybody',
    safeguards: [...safeguards.backup, 'NIST SP 800-53r5 CP-9(8)'],
    source: 'backup:DescribeBackupVault',
    fact: 'backupVault',
    expected: () => `locked, kept for ${leastVaultDays} days or longer`,
    observed: ({ locked, leastRetentionDays: days }) =>
      `${locked ? 'locked' : 'not locked'}, kept for ${days ?? 'no'} days or longer`,
    passes: ({ locked, leastRetentionDays: days }) => locked && (days ?? 0) >= leastVaultDays,
  }),
  check({
    id: 'vault-under-key',
    title: "Backups are encrypted with the practice's key",
    safeguards: safeguards.atRest,
    source: 'backup:DescribeBackupVault',
    fact: 'backupVault',
    expected: ({ keyArn }) => keyArn,
    observed: ({ keyArn }) => keyArn ?? "AWS's own key",
  }),
  check({
    id: 'backup-covers-data',
    title: 'The backup plan covers the database and the bucket',
    safeguards: safeguards.backup,
    source: 'backup:GetBackupSelection',
    fact: 'backupPlan',
    expected: (expectations) => listed(dataOf(expectations).toSorted()),
    observed: ({ resources }) => listed(resources.toSorted()),
    passes: ({ resources }, expectations) => dataOf(expectations).every((arn) => resources.includes(arn)),
  }),
  check({
    id: 'backup-kept-and-copied',
    title: 'Backups are kept as long as promised in the practice’s vault, and a second copy elsewhere',
    safeguards: [...safeguards.backup, 'NIST SP 800-53r5 CP-6'],
    source: 'backup:GetBackupPlan',
    fact: 'backupPlan',
    expected: ({ backupVaultName, backupRetentionDays }) =>
      `in ${backupVaultName} for ${backupRetentionDays} days or longer, with a second copy`,
    observed: ({ rules }) => listed(rules.map(describeRule)),
    passes: ({ rules }, { backupVaultName, backupRetentionDays }) =>
      rules.every(({ vault }) => vault === backupVaultName) &&
      // Beside it there may be a rule for continuous backups, which AWS keeps for 35 days at most.
      rules.some(
        ({ copies, deleteAfterDays }) =>
          (deleteAfterDays ?? Infinity) >= backupRetentionDays && copies.length > 0,
      ),
  }),
];

/** The vault's lock holds for every practice; what a practice has chosen beyond it stands in its plan. */
const leastVaultDays = 35;

function dataOf({
  databaseInstanceArn,
  bucketName,
}: {
  readonly databaseInstanceArn: string;
  readonly bucketName: string;
}): string[] {
  const partition = databaseInstanceArn.split(':')[1] ?? 'aws';
  return [databaseInstanceArn, `arn:${partition}:s3:::${bucketName}`];
}

const describeRule = ({ name, vault, deleteAfterDays, copies }: BackupPlanFacts['rules'][number]): string =>
  `${name} in ${vault} for ${deleteAfterDays ?? 'unlimited'} days, ${copies.length === 0 ? 'no second copy' : `copied to ${copies.join(' and ')}`}`;
