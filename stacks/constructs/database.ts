import { Aws, CfnCondition, Fn, type IResolvable, Token } from 'aws-cdk-lib';
import { CfnDBInstance, CfnDBParameterGroup, CfnDBSubnetGroup } from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { databaseBackupWindow } from '../../tenant-template/database-windows.ts';
import { retain } from './retain.ts';

export interface DatabaseProps {
  readonly practiceId: string;
  readonly keyArn: string;
  readonly subnetIds: string[];
  readonly securityGroupId: string;
  readonly instanceClass: string;
  /** GiB, as CloudFormation wants it. */
  readonly allocatedStorage: string;
  /** `true` or `false`. */
  readonly multiAz: string;
  /** `ddd:hh:mm-ddd:hh:mm` in UTC, outside the backup window. */
  readonly maintenanceWindow: string;
  /** Empty: a new database. */
  readonly snapshotIdentifier: string;
}

const name = 'practice';

/**
 * TLS for every session, every session and statement in the audit log, and no patient data in any log. RDS writes the logs to a log
 * group of its own, outside the practice's key: pgAudit notes who touched which table, while the values of a statement travel apart
 * from its text and stay out ("Reference for the pgAudit extension"; PostgreSQL, "Error Reporting and Logging").
 */
const engineParameters = {
  'rds.force_ssl': '1',
  ssl_min_protocol_version: 'TLSv1.2',
  shared_preload_libraries: 'pgaudit,pg_stat_statements',
  'pgaudit.log': 'ddl,role,read,write',
  'pgaudit.log_catalog': '0',
  'pgaudit.log_parameter': '0',
  'pgaudit.log_relation': '1',
  log_connections: '1',
  log_disconnections: '1',
  log_statement: 'ddl',
  log_min_duration_statement: '-1',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
};

/**
 * The practice's PostgreSQL instance: new, or restored from a snapshot, which brings its name, master user and key along. RDS makes the
 * master password, keeps it in Secrets Manager under the practice's key and rotates it. Nothing has a name of its own: a fixed name
 * would stand in the way of a replacement.
 *
 * Performance Insights stays off: it keeps the text of statements where whoever may call its API can read it, and Enhanced Monitoring,
 * CloudWatch's metrics and pgAudit answer the questions that a small practice's database raises.
 */
export class Database extends Construct {
  readonly instance: CfnDBInstance;
  readonly instanceId: string;
  readonly instanceArn: string;
  readonly resourceId: string;
  readonly endpoint: string;
  readonly port: string;
  readonly databaseName = name;
  readonly secretArn: string;

  constructor(scope: Construct, id: string, props: DatabaseProps) {
    super(scope, id);
    const subnets = new CfnDBSubnetGroup(this, 'SubnetGroup', {
      dbSubnetGroupDescription: `Isolated subnets of the database of practice ${props.practiceId}`,
      subnetIds: props.subnetIds,
    });
    const parameters = new CfnDBParameterGroup(this, 'ParameterGroup', {
      description: 'TLS only, no patient data in logs',
      family: 'postgres18',
      parameters: engineParameters,
    });
    const twoZones = new CfnCondition(this, 'InTwoZones', {
      expression: Fn.conditionEquals(props.multiAz, 'true'),
    });
    const isNew = new CfnCondition(this, 'IsNew', {
      expression: Fn.conditionEquals(props.snapshotIdentifier, ''),
    });
    // "AWS::RDS::DBInstance", DBSnapshotIdentifier: what must be absent beside it.
    const whenNew = (value: string): string =>
      Token.asString(Fn.conditionIf(isNew.logicalId, value, Aws.NO_VALUE));
    this.instance = new CfnDBInstance(this, 'Instance', {
      engine: 'postgres',
      // The major version only: RDS moves the minor one in the maintenance window, and a pinned one would ask for its return.
      engineVersion: '18',
      autoMinorVersionUpgrade: true,
      allowMajorVersionUpgrade: false,
      dbInstanceClass: props.instanceClass,
      dbSnapshotIdentifier: Token.asString(
        Fn.conditionIf(isNew.logicalId, Aws.NO_VALUE, props.snapshotIdentifier),
      ),
      dbName: whenNew(name),
      masterUsername: whenNew('practice_admin'),
      kmsKeyId: whenNew(props.keyArn),
      // Also said of a restore: RDS has no unencrypted snapshot of this database.
      storageEncrypted: true,
      allocatedStorage: props.allocatedStorage,
      storageType: 'gp3',
      manageMasterUserPassword: true,
      masterUserSecret: { kmsKeyId: props.keyArn },
      enableIamDatabaseAuthentication: true,
      multiAz: multiAz(twoZones),
      publiclyAccessible: false,
      dbSubnetGroupName: subnets.ref,
      vpcSecurityGroups: [props.securityGroupId],
      dbParameterGroupName: parameters.ref,
      caCertificateIdentifier: 'rds-ca-rsa2048-g1',
      // The longest point-in-time recovery that RDS has; a literal, so that no parameter can shorten it.
      backupRetentionPeriod: 35,
      preferredBackupWindow: databaseBackupWindow,
      preferredMaintenanceWindow: props.maintenanceWindow,
      copyTagsToSnapshot: true,
      deleteAutomatedBackups: false,
      deletionProtection: true,
      enableCloudwatchLogsExports: ['postgresql', 'upgrade'],
      monitoringInterval: 60,
      // The cell's role (docs/silo.md): it sees the operating system's figures and no data.
      monitoringRoleArn: `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/lumenality-cell/database-monitoring`,
    });
    // A retained instance needs its groups: all three stay together.
    for (const resource of [subnets, parameters, this.instance]) retain(resource);
    this.instanceId = this.instance.ref;
    this.instanceArn = this.instance.attrDbInstanceArn;
    this.resourceId = this.instance.attrDbiResourceId;
    this.endpoint = this.instance.attrEndpointAddress;
    this.port = this.instance.attrEndpointPort;
    this.secretArn = this.instance.attrMasterUserSecretSecretArn;
  }
}

const multiAz = (twoZones: CfnCondition): IResolvable => Fn.conditionIf(twoZones.logicalId, true, false);
