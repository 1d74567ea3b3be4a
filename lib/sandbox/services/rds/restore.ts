/** A new instance from a DB snapshot ("Restoring to a DB instance", Amazon RDS User Guide). */
import type {
  CreateDBInstanceMessage,
  RestoreDBInstanceFromDBSnapshotMessage,
  RestoreDBInstanceFromDBSnapshotResult,
} from '@aws-sdk/client-rds';
import { AwsError, type Call } from '../../model.ts';
import { makeInstance } from './creation.ts';
import { instanceShape } from './description.ts';
import { engine, majorVersion, resolveVersion } from './engine.ts';
import { bringUp, inBackground } from './engines.ts';
import type { InstanceRecord, SnapshotRecord } from './records.ts';
import { findSnapshot } from './snapshots.ts';
import { tagsOf } from './tags.ts';

const combination = (message: string): AwsError => new AwsError('InvalidParameterCombination', message);

/** What a request for a restored instance may say beside where it comes from. */
export type RestoreRequest = Omit<CreateDBInstanceMessage, 'DBInstanceClass' | 'Engine'> &
  Partial<Pick<CreateDBInstanceMessage, 'DBInstanceClass' | 'Engine'>>;

/** What comes with the snapshot and cannot be said otherwise. */
const inherited = ['MasterUsername', 'MasterUserPassword', 'DBName', 'KmsKeyId'] as const;

/** The request for an instance that is as the snapshot's was, but for what the request says. */
function completed(request: RestoreRequest, snapshot: SnapshotRecord): CreateDBInstanceMessage {
  const { instance } = snapshot;
  const said = inherited.find((name) => request[name] !== undefined);
  if (said !== undefined)
    throw combination(
      `${said} cannot be specified when a DB instance is restored from a snapshot: it is inherited.`,
    );
  if (request.StorageEncrypted !== undefined && request.StorageEncrypted !== instance.storage.encrypted)
    throw combination('StorageEncrypted is inherited from the snapshot and cannot be specified otherwise.');
  if (request.AllocatedStorage !== undefined && request.AllocatedStorage < instance.allocatedStorage) {
    throw combination(
      `Requested storage (${request.AllocatedStorage} GiB) is less than the snapshot's (${instance.allocatedStorage} GiB).`,
    );
  }
  const managed = request.ManageMasterUserPassword === true;
  return {
    ...request,
    Engine: request.Engine ?? engine,
    EngineVersion: versionFor(request.EngineVersion, instance.engineVersion),
    DBInstanceClass: request.DBInstanceClass ?? instance.instanceClass,
    AllocatedStorage: request.AllocatedStorage ?? instance.allocatedStorage,
    StorageType: request.StorageType ?? instance.storageType,
    Port: request.Port ?? instance.port,
    DBSubnetGroupName: request.DBSubnetGroupName ?? instance.subnetGroupName,
    DBName: instance.databaseName,
    MasterUsername: instance.masterUsername,
    ...(managed ? {} : { MasterUserPassword: instance.masterPassword }),
    EnableIAMDatabaseAuthentication: request.EnableIAMDatabaseAuthentication ?? instance.iamAuthentication,
    StorageEncrypted: instance.storage.encrypted,
    KmsKeyId: instance.storage.encrypted ? instance.storage.kmsKeyArn : undefined,
  };
}

/** A major version alone means the snapshot's own minor one; data is never opened by an older engine. */
function versionFor(asked: string | undefined, current: string): string {
  if (asked === undefined || asked === String(majorVersion(current))) return current;
  const version = resolveVersion(asked);
  const minor = (text: string): number => Number(text.split('.')[1]);
  if (
    version === undefined ||
    majorVersion(version) !== majorVersion(current) ||
    minor(version) < minor(current)
  )
    throw combination(`Cannot restore a snapshot of ${engine} ${current} with version ${asked}.`);
  return version;
}

/** Records the restored instance as `creating`, or finds the one that an earlier attempt with this token recorded. */
export function makeFromSnapshot(
  call: Call,
  snapshotIdentifier: string | undefined,
  request: RestoreRequest,
  tags: Readonly<Record<string, string>>,
  token: string,
): Promise<InstanceRecord> {
  const snapshot = findSnapshot(call, snapshotIdentifier);
  if (snapshot.status !== 'available') {
    throw new AwsError(
      'InvalidDBSnapshotState',
      `Cannot restore from the snapshot ${snapshot.id}: it is ${snapshot.status}.`,
    );
  }
  return makeInstance(call, completed(request, snapshot), tags, token, snapshot);
}

async function restoreDBInstanceFromDBSnapshot(
  input: RestoreDBInstanceFromDBSnapshotMessage,
  call: Call,
): Promise<RestoreDBInstanceFromDBSnapshotResult> {
  if (input.DBClusterSnapshotIdentifier !== undefined)
    throw combination('The sandbox has no DB clusters: leave DBClusterSnapshotIdentifier out.');
  const { DBSnapshotIdentifier, Tags, ...request } = input;
  const instance = await makeFromSnapshot(call, DBSnapshotIdentifier, request, tagsOf(Tags), call.requestId);
  inBackground(call, instance, bringUp);
  return { DBInstance: instanceShape(call, instance) };
}

export const restoreOperations = { RestoreDBInstanceFromDBSnapshot: restoreDBInstanceFromDBSnapshot };
