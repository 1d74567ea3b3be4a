import { CfnCondition, CfnDeletionPolicy, type CfnResource, Fn } from 'aws-cdk-lib';
import { CfnDBInstance, CfnDBParameterGroup, CfnDBSubnetGroup } from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';

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
  readonly backupRetentionDays: number;
}

const name = 'practice';

/**
 * TLS for every session, and logs that say what happened without saying to whom: RDS writes them to a log group of its own,
 * outside the practice's key, so statements and values stay out of them.
 */
const engineParameters = {
  'rds.force_ssl': '1',
  ssl_min_protocol_version: 'TLSv1.2',
  log_statement: 'ddl',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
};

/**
 * The practice's PostgreSQL instance. RDS makes the master password, keeps it in Secrets Manager under the practice's
 * key and rotates it. Nothing has a name of its own: a fixed name would stand in the way of a replacement.
 */
export class Database extends Construct {
  readonly instanceId: string;
  readonly instanceArn: string;
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
    const instance = new CfnDBInstance(this, 'Instance', {
      engine: 'postgres',
      engineVersion: '18',
      autoMinorVersionUpgrade: true,
      allowMajorVersionUpgrade: false,
      dbInstanceClass: props.instanceClass,
      dbName: name,
      allocatedStorage: props.allocatedStorage,
      storageType: 'gp3',
      storageEncrypted: true,
      kmsKeyId: props.keyArn,
      masterUsername: 'practice_admin',
      manageMasterUserPassword: true,
      masterUserSecret: { kmsKeyId: props.keyArn },
      multiAz: Fn.conditionIf(twoZones.logicalId, true, false),
      publiclyAccessible: false,
      dbSubnetGroupName: subnets.ref,
      vpcSecurityGroups: [props.securityGroupId],
      dbParameterGroupName: parameters.ref,
      caCertificateIdentifier: 'rds-ca-rsa2048-g1',
      backupRetentionPeriod: props.backupRetentionDays,
      copyTagsToSnapshot: true,
      deleteAutomatedBackups: false,
      deletionProtection: true,
      enableCloudwatchLogsExports: ['postgresql', 'upgrade'],
    });
    // A retained instance needs its groups: all three stay together.
    for (const resource of [subnets, parameters, instance]) retain(resource);
    this.instanceId = instance.ref;
    this.instanceArn = instance.attrDbInstanceArn;
    this.endpoint = instance.attrEndpointAddress;
    this.port = instance.attrEndpointPort;
    this.secretArn = instance.attrMasterUserSecretSecretArn;
  }
}

function retain(resource: CfnResource): void {
  resource.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
  resource.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
}
