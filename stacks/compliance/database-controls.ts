import { type Control, companions, demand, type Properties, requirements, said } from './control.ts';

const {
  access,
  atRest,
  audit,
  backup,
  credentials,
  inTransit,
  isolation,
  keys,
  maintenance,
  monitoring,
  operation,
} = requirements;
const database = 'stacks/constructs/database.ts';
const backups = 'stacks/constructs/backup.ts';
const test = 'test/stacks/data-stack.test.ts';
const instance = ['AWS::RDS::DBInstance'];

export const databaseControls: readonly Control[] = [
  {
    id: 'RDS.1',
    asks: 'Snapshots are private.',
    requirement: access,
    construct: database,
    checks: ['database-encrypted-with-key'],
    outside:
      'A snapshot is private until somebody shares it. Encrypted with a key of the account, it cannot be made public at all ("Sharing a DB snapshot").',
  },
  {
    id: 'RDS.2',
    asks: 'The database has no public address.',
    requirement: isolation,
    construct: database,
    test,
    checks: ['database-not-public'],
    types: instance,
    judge: demand('PubliclyAccessible', false),
  },
  {
    id: 'RDS.3',
    asks: 'The database is encrypted.',
    requirement: atRest,
    construct: database,
    test,
    checks: ['database-encrypted-with-key'],
    types: instance,
    judge: demand('StorageEncrypted', true),
  },
  {
    id: 'RDS.4',
    asks: 'Snapshots are encrypted.',
    requirement: atRest,
    construct: database,
    checks: ['database-encrypted-with-key', 'vault-under-key'],
    outside: 'A snapshot of an encrypted instance is encrypted with the same key (RDS.3).',
  },
  {
    id: 'RDS.5',
    asks: 'The database has a standby in a second zone.',
    requirement: operation,
    construct: database,
    checks: ['database-multi-az'],
    types: instance,
    judge: demand('MultiAZ', true),
  },
  {
    id: 'RDS.6',
    asks: 'Enhanced monitoring is on.',
    requirement: monitoring,
    construct: database,
    test,
    checks: ['database-monitored'],
    types: instance,
    judge: ({ properties }) =>
      Number(properties['MonitoringInterval']) > 0 && properties['MonitoringRoleArn'] !== undefined
        ? undefined
        : `MonitoringInterval is ${said(properties['MonitoringInterval'])}.`,
  },
  {
    id: 'RDS.8',
    asks: 'The database is protected from deletion.',
    requirement: operation,
    construct: database,
    test,
    checks: ['database-deletion-protected'],
    types: instance,
    judge: demand('DeletionProtection', true),
  },
  ...['RDS.9', 'RDS.36'].map(
    (id): Control => ({
      id,
      asks: id === 'RDS.9' ? 'The database’s logs go to CloudWatch Logs.' : 'So does PostgreSQL’s own log.',
      requirement: audit,
      construct: database,
      test,
      checks: ['database-logs-exported'],
      types: instance,
      judge: ({ properties }) => {
        const exported = (properties['EnableCloudwatchLogsExports'] ?? []) as readonly unknown[];
        return exported.includes('postgresql') ? undefined : 'Its log stays on the instance.';
      },
    }),
  ),
  {
    id: 'RDS.10',
    asks: 'The database knows IAM authentication.',
    requirement: credentials,
    construct: database,
    test,
    checks: ['database-iam-authentication'],
    types: instance,
    judge: demand('EnableIAMDatabaseAuthentication', true),
  },
  {
    id: 'RDS.11',
    asks: 'Automatic backups are kept for seven days or more.',
    requirement: backup,
    construct: database,
    test,
    checks: ['database-backups-kept'],
    types: instance,
    judge: ({ properties }) =>
      Number(properties['BackupRetentionPeriod']) >= 7
        ? undefined
        : `BackupRetentionPeriod is ${said(properties['BackupRetentionPeriod'])}.`,
  },
  {
    id: 'RDS.13',
    asks: 'RDS installs minor versions by itself.',
    requirement: maintenance,
    construct: database,
    types: instance,
    judge: demand('AutoMinorVersionUpgrade', true),
  },
  {
    id: 'RDS.17',
    asks: 'Snapshots carry the tags of the database.',
    requirement: backup,
    construct: database,
    test,
    types: instance,
    judge: demand('CopyTagsToSnapshot', true),
  },
  {
    id: 'RDS.20',
    asks: 'A subscription to instance events covers maintenance, configuration changes and failures.',
    requirement: monitoring,
    construct: database,
    types: ['AWS::RDS::EventSubscription'],
    absent: true,
    judge: ({ properties }) => {
      const categories = (properties['EventCategories'] ?? []) as readonly unknown[];
      const missing = ['maintenance', 'configuration change', 'failure'].filter(
        (each) => !categories.includes(each),
      );
      return properties['SourceType'] !== 'db-instance' || missing.length === 0
        ? undefined
        : `It leaves out ${missing.join(', ')}.`;
    },
  },
  ...['RDS.21', 'RDS.22'].map(
    (id): Control => ({
      id,
      asks: `Somebody subscribes to events of ${id === 'RDS.21' ? 'parameter groups' : 'database security groups'}.`,
      requirement: monitoring,
      construct: database,
      checks: ['database-parameters-in-sync', 'database-admits-app-only'],
      outside:
        'A subscription of the account. The drift reconciler compares parameter group and security group with the release.',
    }),
  ),
  {
    id: 'RDS.23',
    asks: 'The database listens on another port than its engine’s.',
    requirement: isolation,
    construct: database,
    checks: ['database-admits-app-only'],
    types: instance,
    judge: ({ properties }) =>
      properties['Port'] === undefined || Number(properties['Port']) === 5432
        ? 'It listens on 5432, the port of PostgreSQL.'
        : undefined,
  },
  {
    id: 'RDS.25',
    asks: 'The master user has a name of our own.',
    requirement: credentials,
    construct: database,
    types: instance,
    // A restore takes the name from its snapshot, so the property may stand under a condition; either branch must do.
    judge: ({ properties }) =>
      /"?(postgres|admin)"?$/.test(said(properties['MasterUsername'])) ||
      !JSON.stringify(properties['MasterUsername'] ?? '').includes('practice_admin')
        ? `MasterUsername is ${said(properties['MasterUsername'])}.`
        : undefined,
  },
  {
    id: 'RDS.26',
    asks: 'A backup plan covers the database.',
    requirement: backup,
    construct: backups,
    test,
    checks: ['backup-covers-data', 'backup-kept-and-copied'],
    types: instance,
    judge: (subject) =>
      companions(subject, 'AWS::Backup::BackupSelection').length > 0
        ? undefined
        : 'No backup selection names it.',
  },
  {
    id: 'RDS.38',
    asks: 'PostgreSQL refuses sessions without TLS.',
    requirement: inTransit,
    construct: database,
    test,
    checks: ['database-tls-forced', 'app-database-over-tls'],
    types: ['AWS::RDS::DBParameterGroup'],
    judge: ({ properties }) =>
      (properties['Parameters'] as Properties | undefined)?.['rds.force_ssl'] === '1'
        ? undefined
        : 'rds.force_ssl is not 1.',
  },
  {
    id: 'RDS.46',
    asks: 'The database’s subnets have no route to an internet gateway.',
    requirement: isolation,
    construct: 'stacks/constructs/network.ts',
    test: 'test/stacks/templates.test.ts',
    checks: ['database-subnets-isolated', 'database-in-own-network'],
    outside:
      'Subnets and routes are in another stack than the database: a test follows the one, verification the other.',
  },
  {
    id: 'Backup.1',
    asks: 'Recovery points are encrypted.',
    requirement: keys,
    construct: backups,
    test,
    checks: ['vault-under-key'],
    types: ['AWS::Backup::BackupVault'],
    judge: ({ properties }) =>
      properties['EncryptionKeyArn'] === undefined ? 'The vault names no key of its own.' : undefined,
  },
];
