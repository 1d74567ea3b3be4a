import type { Construct } from 'constructs';
import { Database } from './constructs/database.ts';
import { PracticeStack } from './constructs/practice-stack.ts';

/** The practice's data. A restore is a second stack of this kind; the network and the key stay where they are. */
export class DataStack extends PracticeStack {
  constructor(scope: Construct) {
    super(scope, 'data', 'Lumenality practice silo: database and its secret');
    const keyArn = this.parameter('KeyArn', {
      description: 'KMS key that encrypts the database, its backups and its secret.',
      allowedPattern: '^arn:[^:]+:kms:.+:key/.+$',
    });
    const subnetIds = this.listParameter('DatabaseSubnetIds', {
      description: 'Isolated subnets in two availability zones.',
    });
    const securityGroupId = this.parameter('DatabaseSecurityGroupId', {
      description: 'Security group that lets in the app and nobody else.',
      allowedPattern: '^sg-[0-9a-f]+$',
    });
    const instanceClass = this.parameter('InstanceClass', {
      description: 'RDS instance class, for example db.t4g.small.',
      allowedPattern: '^db\\.[a-z0-9]+\\.[a-z0-9]+$',
    });
    const allocatedStorage = this.parameter('AllocatedStorageGib', {
      description: 'Storage in GiB, from 20 to 65536.',
      allowedPattern: '^([2-9][0-9]|[1-9][0-9]{2,4})$',
    });
    const multiAz = this.parameter('MultiAz', {
      description: 'Whether a standby in a second availability zone is kept.',
      allowedValues: ['true', 'false'],
    });
    const backupRetentionDays = this.numberParameter('BackupRetentionDays', {
      description: 'Days of point-in-time recovery; 0 would switch backups off and is refused.',
      minValue: 7,
      maxValue: 35,
    });

    const database = new Database(this, 'Database', {
      practiceId: this.practiceId,
      keyArn,
      subnetIds,
      securityGroupId,
      instanceClass,
      allocatedStorage,
      multiAz,
      backupRetentionDays,
    });

    this.output('DatabaseInstanceId', database.instanceId, 'RDS instance identifier');
    this.output('DatabaseInstanceArn', database.instanceArn, 'RDS instance');
    this.output('DatabaseEndpoint', database.endpoint, 'Host name of the database');
    this.output('DatabasePort', database.port, 'Port of the database');
    this.output('DatabaseName', database.databaseName, 'Name of the database');
    this.output('DatabaseSecretArn', database.secretArn, 'Secret that RDS keeps: {"username","password"}');
  }
}
