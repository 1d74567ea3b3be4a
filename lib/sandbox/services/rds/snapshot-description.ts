import type { DBSnapshot } from '@aws-sdk/client-rds';
import { engine, majorVersion } from './engine.ts';
import type { SnapshotRecord } from './records.ts';
import { tagList } from './tags.ts';

/** A snapshot as DescribeDBSnapshots shows it. */
export function snapshotShape({ instance, ...snapshot }: SnapshotRecord): DBSnapshot {
  const { storage } = instance;
  return {
    DBSnapshotIdentifier: snapshot.id,
    DBSnapshotArn: snapshot.arn,
    SnapshotType: snapshot.type,
    Status: snapshot.status,
    PercentProgress: snapshot.status === 'available' ? 100 : 0,
    SnapshotCreateTime: new Date(snapshot.createdAt),
    OriginalSnapshotCreateTime: new Date(snapshot.createdAt),
    DBInstanceIdentifier: instance.id,
    DbiResourceId: instance.resourceId,
    InstanceCreateTime: new Date(instance.createdAt),
    Engine: engine,
    EngineVersion: instance.engineVersion,
    LicenseModel: 'postgresql-license',
    AllocatedStorage: instance.allocatedStorage,
    StorageType: instance.storageType,
    ...(instance.iops === undefined ? {} : { Iops: instance.iops }),
    ...(instance.storageThroughput === undefined ? {} : { StorageThroughput: instance.storageThroughput }),
    MasterUsername: instance.masterUsername,
    Port: instance.port,
    AvailabilityZone: instance.availabilityZone,
    VpcId: snapshot.vpcId,
    OptionGroupName: `default:${engine}-${majorVersion(instance.engineVersion)}`,
    Encrypted: storage.encrypted,
    ...(storage.encrypted ? { KmsKeyId: storage.kmsKeyArn } : {}),
    IAMDatabaseAuthenticationEnabled: instance.iamAuthentication,
    SnapshotTarget: 'region',
    TagList: tagList(snapshot.tags),
  };
}
