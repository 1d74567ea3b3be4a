import fc from 'fast-check';
import { synthesise } from '../../stacks/release/synthesis.ts';
import { databaseBackupWindow, windowMinutes } from '../../tenant-template/database-windows.ts';
import { type Properties, resourcesOf, type Template, textOf } from './template.ts';

/** What an auditor asks of a practice's data, asked of the template that every database is made from. */
const data = JSON.parse(synthesise().templates.data.body) as Template;
const the = (type: string): Properties => {
  const found = resourcesOf(data, type);
  expect(found).toHaveLength(1);
  return found[0]?.Properties ?? {};
};
const instance = (): Properties => the('AWS::RDS::DBInstance');
const NoValue = { Ref: 'AWS::NoValue' };

describe('the database', () => {
  test('is encrypted with the practice’s key, and so is the secret that RDS keeps for it', () => {
    expect(instance()).toMatchObject({
      StorageEncrypted: true,
      KmsKeyId: { 'Fn::If': ['DatabaseIsNew', { Ref: 'KeyArn' }, NoValue] },
      ManageMasterUserPassword: true,
      MasterUserSecret: { KmsKeyId: { Ref: 'KeyArn' } },
    });
    expect(instance()).not.toHaveProperty('MasterUserPassword');
  });

  test('is not public, is watched from inside, and cannot be deleted by accident', () => {
    expect(instance()).toMatchObject({
      PubliclyAccessible: false,
      DeletionProtection: true,
      DeleteAutomatedBackups: false,
      CopyTagsToSnapshot: true,
      EnableIAMDatabaseAuthentication: true,
      MonitoringInterval: 60,
      VPCSecurityGroups: [{ Ref: 'DatabaseSecurityGroupId' }],
      CACertificateIdentifier: 'rds-ca-rsa2048-g1',
      EnableCloudwatchLogsExports: ['postgresql', 'upgrade'],
    });
    expect(textOf(instance()['MonitoringRoleArn'])).toContain(':role/lumenality-cell/database-monitoring');
  });

  test('keeps 35 days of point-in-time recovery whatever the parameters say', () => {
    expect(instance()).toMatchObject({
      BackupRetentionPeriod: 35,
      PreferredBackupWindow: databaseBackupWindow,
    });
  });

  test('runs the engine that its parameter group is for', () => {
    const { Family } = the('AWS::RDS::DBParameterGroup');
    expect(`${String(instance()['Engine'])}${String(instance()['EngineVersion'])}`).toBe(Family);
    expect(instance()['AllowMajorVersionUpgrade']).toBe(false);
  });

  test('refuses a session without TLS, notes sessions and statements, and keeps values out of its logs', () => {
    expect(the('AWS::RDS::DBParameterGroup')['Parameters']).toMatchObject({
      'rds.force_ssl': '1',
      ssl_min_protocol_version: 'TLSv1.2',
      shared_preload_libraries: expect.stringMatching(/\bpgaudit\b/) as string,
      'pgaudit.log': 'ddl,role,read,write',
      'pgaudit.log_parameter': '0',
      log_connections: '1',
      log_disconnections: '1',
      // Any of these could write a patient's name into a log that is not under the practice's key.
      log_min_duration_statement: '-1',
      log_min_error_statement: 'panic',
      log_error_verbosity: 'terse',
      log_parameter_max_length: '0',
      log_parameter_max_length_on_error: '0',
    });
    expect(instance()['DBParameterGroupName']).toEqual({ Ref: 'DatabaseParameterGroup' });
  });

  test('has no name of its own that would stand in the way of a replacement', () => {
    expect(instance()).not.toHaveProperty('DBInstanceIdentifier');
    expect(the('AWS::RDS::DBSubnetGroup')).not.toHaveProperty('DBSubnetGroupName');
    expect(the('AWS::RDS::DBParameterGroup')).not.toHaveProperty('DBParameterGroupName');
  });

  test('restored from a snapshot, takes name, master user and key from it and everything else from the template', () => {
    const conditional = Object.entries(instance()).filter(([, value]) =>
      textOf(value).includes('DatabaseIsNew'),
    );
    expect(Object.fromEntries(conditional)).toEqual({
      DBName: { 'Fn::If': ['DatabaseIsNew', 'practice', NoValue] },
      MasterUsername: { 'Fn::If': ['DatabaseIsNew', 'practice_admin', NoValue] },
      KmsKeyId: { 'Fn::If': ['DatabaseIsNew', { Ref: 'KeyArn' }, NoValue] },
      DBSnapshotIdentifier: { 'Fn::If': ['DatabaseIsNew', NoValue, { Ref: 'SnapshotIdentifier' }] },
    });
    expect(data.Conditions?.['DatabaseIsNew']).toEqual({ 'Fn::Equals': [{ Ref: 'SnapshotIdentifier' }, ''] });
    const pattern = new RegExp(String(data.Parameters['SnapshotIdentifier']?.AllowedPattern));
    for (const name of ['', 'awsbackup:job-1', 'arn:aws:rds:us-east-1:111122223333:snapshot:final-1'])
      expect(name).toMatch(pattern);
  });
});

describe('the maintenance window', () => {
  const pattern = new RegExp(String(data.Parameters['DatabaseMaintenanceWindow']?.AllowedPattern));
  const time = fc
    .integer({ min: 0, max: 24 * 60 - 1 })
    .map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`);
  const day = fc.constantFrom('sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat');

  test('that CloudFormation accepts never meets the hours of the backups', () => {
    fc.assert(
      fc.property(day, time, day, time, (fromDay, from, toDay, to) => {
        const window = `${fromDay}:${from}-${toDay}:${to}`;
        if (!pattern.test(window) || windowMinutes(window) <= 0) return;
        expect(fromDay).toBe(toDay);
        expect(to <= '10:00' || from >= '13:00').toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(['sun:07:00-sun:08:00', 'wed:09:30-wed:10:00', 'sat:23:00-sat:23:30'])('may be %s', (window) =>
    expect(window).toMatch(pattern),
  );

  test.each([
    'sun:09:30-sun:10:30',
    'sun:12:00-sun:13:00',
    'sun:09:00-sun:14:00',
    'sat:23:30-sun:00:30',
    'sun:7:00-sun:8:00',
  ])('may not be %s', (window) => expect(window).not.toMatch(pattern));
});

describe('the backups', () => {
  test('go to a vault under the practice’s key that nobody can empty', () => {
    const vault = the('AWS::Backup::BackupVault');
    expect(vault).toMatchObject({
      // A restore is a second stack of this kind; its vault has its own name.
      BackupVaultName: { Ref: 'AWS::StackName' },
      EncryptionKeyArn: { Ref: 'KeyArn' },
      LockConfiguration: { MinRetentionDays: 35, ChangeableForDays: 3 },
    });
    expect(data.Parameters['BackupRetentionDays']).toMatchObject({ MinValue: 35, MaxValue: 2555 });
    const { Statement } = vault['AccessPolicy'] as { Statement: Properties[] };
    expect(Statement).toEqual([
      expect.objectContaining({
        Effect: 'Deny',
        Principal: '*',
        Action: ['backup:DeleteRecoveryPoint', 'backup:UpdateRecoveryPointLifecycle'],
      }),
    ]);
  });

  test('are made every day, of the database and the bucket by ARN, with a copy in another Region', () => {
    const { BackupPlanRule: rules } = the('AWS::Backup::BackupPlan')['BackupPlan'] as {
      BackupPlanRule: Properties[];
    };
    const lifecycle = { DeleteAfterDays: { Ref: 'BackupRetentionDays' } };
    expect(rules).toEqual([
      expect.objectContaining({
        ScheduleExpression: 'cron(0 11 ? * * *)',
        StartWindowMinutes: 60,
        Lifecycle: lifecycle,
        CopyActions: [expect.objectContaining({ Lifecycle: lifecycle })],
      }),
    ]);
    expect(textOf(rules[0]?.['CopyActions'])).toMatch(/BackupCopyRegion.*:backup-vault:lumenality-copies/);
    const { Resources } = the('AWS::Backup::BackupSelection')['BackupSelection'] as { Resources: unknown[] };
    expect(Resources).toEqual([
      { 'Fn::GetAtt': ['DatabaseInstance', 'DBInstanceArn'] },
      { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':s3:::', { Ref: 'BucketName' }]] },
    ]);
  });

  test('are made by a role that reads this practice’s data only, and can restore nothing', () => {
    const { Statement: statements } = the('AWS::IAM::ManagedPolicy')['PolicyDocument'] as {
      Statement: Array<{ Action: string[]; Resource: unknown; Condition?: unknown }>;
    };
    const actions = statements.flatMap(({ Action }) => Action);
    expect(actions.filter((action) => /Restore|\*|PutObject$|DeleteObject/.test(action))).toEqual([]);
    const ofData = /^(s3:Get|s3:List(?!All)|rds:CreateDBSnapshot|kms:)/;
    for (const { Action, Resource, Condition } of statements.filter(({ Action }) =>
      Action.some((a) => ofData.test(a)),
    )) {
      const narrowed = /BucketName|KeyArn|awsbackup:|PracticeId/.test(textOf([Resource, Condition]));
      expect([Action, narrowed]).toEqual([Action, true]);
    }
    expect(textOf(the('AWS::IAM::Role')['Path'])).toMatch(/\/lumenality\/.*PracticeId/);
  });
});

describe('the life of the stack', () => {
  test('what holds data, and what it needs, outlives it', () => {
    const kept = Object.entries(data.Resources).filter(
      ([, { DeletionPolicy }]) => DeletionPolicy !== undefined,
    );
    expect(kept.map(([id]) => id).sort()).toEqual([
      'BackupVault',
      'DatabaseInstance',
      'DatabaseParameterGroup',
      'DatabaseSubnetGroup',
    ]);
    for (const [, resource] of kept)
      expect(resource).toMatchObject({
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
      });
  });

  test('only the entry of the backup list is made after the protected database: nothing else can make it roll back', () => {
    const ids = Object.keys(data.Resources);
    const needs = (id: string): string[] => {
      const { DependsOn = [], Properties } = data.Resources[id] ?? {};
      const referred = ids.filter((other) =>
        new RegExp(`("Ref":"${other}"|"Fn::GetAtt":\\["${other}",)`).test(textOf(Properties)),
      );
      return [...new Set([...[DependsOn].flat(), ...referred])];
    };
    const allNeeds = (id: string): string[] => needs(id).flatMap((each) => [each, ...allNeeds(each)]);
    const before = new Set(allNeeds('DatabaseInstance'));
    expect(ids.filter((id) => id !== 'DatabaseInstance' && !before.has(id))).toEqual(['BackupSelection']);
  });
});
