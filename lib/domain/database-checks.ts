import { type Check, check, safeguards } from './silo-check.ts';

/** Secrets Manager shows a key by its ARN or by its id alone. */
const sameKey = (found: string | null, expected: string): boolean =>
  found !== null && (found === expected || expected.endsWith(`:key/${found}`));

export const databaseChecks: readonly Check[] = [
  check({
    id: 'database-available',
    title: 'The database is available',
    safeguards: safeguards.operation,
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: () => 'available',
    observed: (database) => database.status,
  }),
  check({
    id: 'database-encrypted-with-key',
    title: "The database is encrypted with exactly the practice's key",
    safeguards: safeguards.atRest,
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: ({ keyArn }) => keyArn,
    observed: (database) =>
      database.encrypted ? (database.keyArn ?? 'encrypted, key unknown') : 'not encrypted',
  }),
  check({
    id: 'database-not-public',
    title: 'The database has no public address',
    safeguards: [...safeguards.access, 'NIST SP 800-53r5 SC-7'],
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: () => 'not public',
    observed: (database) => (database.public ? 'public' : 'not public'),
  }),
  check({
    id: 'database-tls-forced',
    title: 'The database refuses connections without TLS',
    safeguards: safeguards.inTransit,
    source: 'rds:DescribeDBParameters',
    fact: 'forceTls',
    expected: () => 'rds.force_ssl=1',
    observed: (value) => `rds.force_ssl=${value ?? 'not set'}`,
  }),
  check({
    id: 'database-parameters-in-sync',
    title: 'The database runs with its parameter group as it stands',
    safeguards: [...safeguards.inTransit, 'NIST SP 800-53r5 CM-6'],
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: () => 'in-sync',
    observed: (database) => database.parameterGroup?.applyStatus ?? 'no parameter group',
  }),
  check({
    id: 'database-backups-kept',
    title: 'Backups are kept as long as promised',
    safeguards: safeguards.backup,
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: ({ backupRetentionDays }) => `${backupRetentionDays} days or longer`,
    observed: (database) => `${database.backupRetentionDays} days`,
    passes: (database, { backupRetentionDays }) => database.backupRetentionDays >= backupRetentionDays,
  }),
  check({
    id: 'database-deletion-protected',
    title: 'The database is protected against deletion',
    safeguards: [...safeguards.backup, '45 CFR 164.312(c)(1)'],
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: () => 'deletion protection on',
    observed: (database) => `deletion protection ${database.deletionProtection ? 'on' : 'off'}`,
  }),
  check({
    id: 'secret-under-key',
    title: "The database's credentials are kept under the practice's key",
    safeguards: [...safeguards.atRest, ...safeguards.credentials],
    source: 'secretsmanager:DescribeSecret',
    fact: 'secret',
    expected: ({ keyArn }) => keyArn,
    observed: (secret) => secret.keyArn ?? 'AWS managed key',
    passes: (secret, { keyArn }) => sameKey(secret.keyArn, keyArn),
  }),
  check({
    id: 'secret-owned-by-rds',
    title: "The database's credentials are kept and rotated by RDS",
    safeguards: safeguards.credentials,
    source: 'secretsmanager:DescribeSecret',
    fact: 'secret',
    expected: () => 'owned by rds, not deleted',
    observed: (secret) =>
      `owned by ${secret.owningService ?? 'nobody'}, ${secret.deletedAt === null ? 'not deleted' : `deleted ${secret.deletedAt}`}`,
  }),
  check({
    id: 'secret-of-this-database',
    title: "The credentials that the app reads are this database's own",
    safeguards: safeguards.credentials,
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: ({ databaseSecretArn }) => databaseSecretArn,
    observed: (database) => database.masterSecretArn ?? 'no managed secret',
  }),
];
