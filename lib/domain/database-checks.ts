import { isSameOrLaterMinor } from './engine-version.ts';
import { type Check, check, listed, safeguards } from './silo-check.ts';

/** Secrets Manager shows a key by its ARN or by its id alone. */
const sameKey = (found: string | null, expected: string): boolean =>
  found !== null && (found === expected || expected.endsWith(`:key/${found}`));

/** The longest that RDS offers ("Backup retention period"). */
const pointInTimeDays = 35;
const longestMonitoringSeconds = 60;
const exportedLogs = ['postgresql', 'upgrade'];

/** RDS calls its own groups `default.<family>`; nobody can set a parameter in them. */
const isOwn = (parameterGroup: string | undefined): boolean =>
  parameterGroup !== undefined && !parameterGroup.startsWith('default.');

const zones = (multiAz: boolean): string => (multiAz ? 'a standby in a second zone' : 'one zone');

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
    title: 'The database can be brought back to any moment of the last 35 days',
    safeguards: safeguards.backup,
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: () => `${pointInTimeDays} days`,
    observed: (database) => `${database.backupRetentionDays} days`,
  }),
  check({
    id: 'database-engine-pinned',
    title: "The database runs the release's engine version, with a parameter group of its own",
    safeguards: [...safeguards.integrity, 'NIST SP 800-53r5 CM-6'],
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: ({ engineVersion }) => `${engineVersion} or a later minor version, own parameter group`,
    observed: ({ engineVersion, parameterGroup }) =>
      `${engineVersion}, ${isOwn(parameterGroup?.name) ? 'own parameter group' : `parameter group ${parameterGroup?.name ?? 'unknown'}`}`,
    passes: (database, { engineVersion }) =>
      isOwn(database.parameterGroup?.name) && isSameOrLaterMinor(database.engineVersion, engineVersion),
  }),
  check({
    id: 'database-multi-az',
    title: 'The database has a standby in a second availability zone where the plan promises one',
    safeguards: safeguards.operation,
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: ({ multiAz }) => zones(multiAz),
    observed: ({ multiAz }) => zones(multiAz),
    // A standby that nobody promised weakens nothing.
    passes: (database, { multiAz }) => database.multiAz || !multiAz,
  }),
  check({
    id: 'database-iam-authentication',
    title: 'The app signs in to the database with a token that IAM gives out, not with a password',
    safeguards: safeguards.credentials,
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: () => 'IAM authentication on',
    observed: ({ iamAuthentication }) => `IAM authentication ${iamAuthentication ? 'on' : 'off'}`,
  }),
  check({
    id: 'database-monitored',
    title: 'The database’s operating system is watched',
    safeguards: [...safeguards.audit, 'NIST SP 800-53r5 SI-4'],
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: () => `every ${longestMonitoringSeconds} seconds or oftener`,
    observed: ({ monitoringIntervalSeconds: seconds }) =>
      seconds === 0 ? 'off' : `every ${seconds} seconds`,
    passes: ({ monitoringIntervalSeconds: seconds }) => seconds > 0 && seconds <= longestMonitoringSeconds,
  }),
  check({
    id: 'database-logs-exported',
    title: 'The database’s logs leave its machine',
    safeguards: safeguards.audit,
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: () => listed(exportedLogs),
    observed: ({ logExports }) => listed(logExports.toSorted()),
    passes: ({ logExports }) => exportedLogs.every((log) => logExports.includes(log)),
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
