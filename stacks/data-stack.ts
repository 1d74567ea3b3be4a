import type { Construct } from 'constructs';
import { defaultMaintenanceWindow, maintenanceWindowPattern } from '../tenant-template/database-windows.ts';
import { instanceClasses, leastRetentionDays, mostRetentionDays } from '../tenant-template/shape-table.ts';
import { Backup } from './constructs/backup.ts';
import { Database } from './constructs/database.ts';
import { PracticeStack } from './constructs/practice-stack.ts';

/** The practice's data. A restore is a second stack of this kind; the network and the key stay where they are. */
export class DataStack extends PracticeStack {
  constructor(scope: Construct) {
    super(scope, 'data', 'Lumenality practice silo: database, its secret and its backups');
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
    const bucketName = this.parameter('BucketName', {
      description: "The practice's bucket, backed up with the database.",
      allowedPattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
    });
    const instanceClass = this.parameter('InstanceClass', {
      description: 'RDS instance class: Graviton, able to encrypt its storage.',
      allowedValues: [...instanceClasses],
    });
    const allocatedStorage = this.parameter('AllocatedStorageGib', {
      description: 'Storage in GiB, from 20 to 65536.',
      allowedPattern: '^([2-9][0-9]|[1-9][0-9]{2,4})$',
    });
    const multiAz = this.parameter('MultiAz', {
      description: 'Whether a standby in a second availability zone is kept.',
      allowedValues: ['true', 'false'],
    });
    const retentionDays = this.numberParameter('BackupRetentionDays', {
      description: 'Days that the vault keeps a recovery point; the lock of the vault refuses fewer.',
      minValue: leastRetentionDays,
      maxValue: mostRetentionDays,
    });
    const copyRegion = this.parameter('BackupCopyRegion', {
      description: "Region of the cell's vault for second copies; another one than the silo's.",
      default: 'us-west-2',
      allowedPattern: '^[a-z]{2}(-[a-z]+)+-[0-9]$',
    });
    const maintenanceWindow = this.parameter('DatabaseMaintenanceWindow', {
      description: 'When RDS may maintain the instance, in UTC; not from 10:00 to 13:00, when backups run.',
      default: defaultMaintenanceWindow,
      allowedPattern: maintenanceWindowPattern,
      constraintDescription:
        'ddd:hh:mm-ddd:hh:mm in UTC, on one day, outside 10:00 to 13:00; for example sun:07:00-sun:08:00.',
    });
    const snapshotIdentifier = this.parameter('SnapshotIdentifier', {
      description:
        'Snapshot to restore from, by name or ARN; empty for a new database. Never changed afterwards: another value is another database.',
      default: '',
      allowedPattern: '^([A-Za-z][A-Za-z0-9:-]{0,254})?$',
    });

    const backup = new Backup(this, 'Backup', {
      practiceId: this.practiceId,
      keyArn,
      bucketName,
      retentionDays,
      copyRegion,
    });
    const database = new Database(this, 'Database', {
      practiceId: this.practiceId,
      keyArn,
      subnetIds,
      securityGroupId,
      instanceClass,
      allocatedStorage,
      multiAz,
      maintenanceWindow,
      snapshotIdentifier,
    });
    backup.protect(database);

    this.output('DatabaseInstanceId', database.instanceId, 'RDS instance identifier');
    this.output('DatabaseInstanceArn', database.instanceArn, 'RDS instance');
    this.output('DatabaseResourceId', database.resourceId, 'What IAM calls the instance in rds-db:connect');
    this.output('DatabaseEndpoint', database.endpoint, 'Host name of the database');
    this.output('DatabasePort', database.port, 'Port of the database');
    this.output('DatabaseName', database.databaseName, 'Name of the database');
    this.output('DatabaseSecretArn', database.secretArn, 'Secret that RDS keeps: {"username","password"}');
    this.output('BackupVaultName', backup.vaultName, 'Vault of the daily backups');
  }
}
