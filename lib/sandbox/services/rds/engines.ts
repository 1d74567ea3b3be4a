/** Puts instances on the data plane and takes them off it, and takes up after a restart what was under way. */
import { generatedId, recordKey } from '../../identifiers.ts';
import { AwsError, type Cloud, type DatabaseSpec } from '../../model.ts';
import { deleteOwnedSecret } from '../secretsmanager/owned.ts';
import { serviceCall, unwrapStorageKey } from './encryption.ts';
import { tokenProblem } from './iam-authentication.ts';
import { withdrawInterfaces } from './interfaces.ts';
import { beginKeyWatch, endKeyWatch } from './key-watch.ts';
import { findParameterGroup, forcesTls } from './parameter-groups.ts';
import {
  changeInstance,
  type InstanceRecord,
  type InstanceStatus,
  instanceTable,
  type Owner,
  snapshotTable,
} from './records.ts';
import { beginSnapshot, copy, ownTags, snapshotsSettled } from './snapshots.ts';
import { beginStopping, isStopping } from './stopping.ts';

type Work = (owner: Owner, instance: InstanceRecord) => Promise<unknown>;

/** Where PostgreSQL listens unless told, and the name of the database that is always there. */
export const defaultPort = 5432;
const defaultDatabase = 'postgres';

function ownerOf(cloud: Cloud, { accountId, region }: Omit<Owner, 'cloud'>): Owner {
  return { accountId, region, cloud };
}

/** What the data plane asks is answered from the record as it is at that moment. */
function specOf(owner: Owner, instance: InstanceRecord): DatabaseSpec {
  const current = (): InstanceRecord => {
    const record = instanceTable(owner).get(recordKey(owner, instance.id));
    if (record === undefined)
      throw new AwsError('DBInstanceNotFound', `DBInstance ${instance.id} not found.`, 404);
    return record;
  };
  return {
    arn: instance.arn,
    databaseName: instance.databaseName ?? defaultDatabase,
    masterUsername: instance.masterUsername,
    masterPassword: () => current().masterPassword,
    forceTls: () => current().forceTls,
    tokenCheck: () =>
      current().iamAuthentication
        ? (token, username) => isAccepted(owner, current(), token, username)
        : undefined,
    storageKey: () => unwrapStorageKey(owner, current()),
    ...(instance.restoreFrom === undefined ? {} : { restoreFrom: instance.restoreFrom }),
  };
}

/** RDS does not tell a client what is wrong with a token either; those who run the sandbox may know. */
function isAccepted(owner: Owner, instance: InstanceRecord, token: string, username: string): boolean {
  const problem = tokenProblem(owner, instance, token, username);
  if (problem !== undefined)
    owner.cloud.log(`${instance.id}: the token of the user ${username} was refused: ${problem}.`);
  return problem === undefined;
}

/** Without a data plane the instance is described only, with the address it would have on AWS. */
function describedEndpoint(instance: InstanceRecord): { address: string; port: number } {
  const zone = generatedId(`${instance.accountId}/${instance.region}`, 'c', 11, 'lower');
  return { address: `${instance.id}.${zone}.${instance.region}.rds.amazonaws.com`, port: instance.port };
}

/** Opens the instance's listener and records it as available. */
export async function bringUp(owner: Owner, instance: InstanceRecord): Promise<InstanceRecord> {
  await snapshotsSettled(owner, instance);
  const plane = owner.cloud.dataPlane?.databases;
  const endpoint =
    plane === undefined ? describedEndpoint(instance) : await plane.open(specOf(owner, instance));
  const up = changeInstance(owner, instance.id, (current) => {
    const { statusReason: _solved, restoreFrom: _copied, ...rest } = current;
    return { ...rest, status: 'available', endpoint: { address: endpoint.address, port: endpoint.port } };
  });
  if (up === undefined) throw new AwsError('DBInstanceNotFound', `DBInstance ${instance.id} not found.`, 404);
  return up;
}

export async function shutDown(owner: Owner, instance: InstanceRecord): Promise<void> {
  await owner.cloud.dataPlane?.databases.close(instance.arn);
  changeInstance(owner, instance.id, (current) => ({ ...current, status: 'stopped' }));
}

/** Ends the engine; its next session starts it again with the parameters as they are now. */
export async function restart(owner: Owner, instance: InstanceRecord): Promise<void> {
  await owner.cloud.dataPlane?.databases.evict(instance.arn);
  changeInstance(owner, instance.id, (current) => ({
    ...current,
    status: 'available',
    parameterApplyStatus: 'in-sync',
    forceTls: forcesTls(findParameterGroup(owner, current.parameterGroupName)),
  }));
}

/**
 * Takes the final snapshot, erases the storage, the secret that RDS kept, and the record and its network interfaces last: what
 * is interrupted is done again.
 */
export async function remove(owner: Owner, instance: InstanceRecord): Promise<void> {
  await takeFinalSnapshot(owner, instance);
  await snapshotsSettled(owner, instance);
  await owner.cloud.dataPlane?.databases.erase(instance.arn);
  if (instance.masterSecret !== undefined) deleteOwnedSecret(serviceCall(owner), instance.masterSecret.arn);
  owner.cloud.state.transaction(() => {
    withdrawInterfaces(owner, instance);
    instanceTable(owner).delete(recordKey(owner, instance.id));
  });
}

/** @throws AwsError when it cannot be taken: the instance is then kept. */
async function takeFinalSnapshot(owner: Owner, instance: InstanceRecord): Promise<void> {
  const id = instance.finalSnapshot;
  if (id === undefined) return;
  const find = () => snapshotTable(owner).get(recordKey(owner, id));
  const earlier = find();
  if (earlier === undefined) {
    const tags = instance.copyTagsToSnapshot ? ownTags(instance) : {};
    await beginSnapshot(owner, instance, { id, type: 'manual', tags }).ended;
  } else if (earlier.status === 'creating') await copy(owner, earlier);
  if (find()?.status !== 'available')
    throw new AwsError('InvalidDBSnapshotState', `The final snapshot ${id} of ${instance.id} failed.`);
}

/** Does the rest of an accepted request; a failure is recorded on the instance, because nobody waits for an answer. */
export function inBackground(owner: Owner, instance: InstanceRecord, work: Work): void {
  work(owner, instance).catch((error: unknown) => {
    if (!isStopping(owner.cloud)) recordFailure(owner, instance, error);
  });
}

function recordFailure(owner: Owner, instance: InstanceRecord, error: unknown): void {
  const statusReason = error instanceof Error ? error.message : String(error);
  changeInstance(owner, instance.id, (current) => ({ ...current, status: 'failed', statusReason }));
}

/** What a status says is still to be done. */
const unfinished: Partial<Record<InstanceStatus, Work>> = {
  creating: bringUp,
  starting: bringUp,
  rebooting: async (owner, instance) => restart(owner, await bringUp(owner, instance)),
  stopping: shutDown,
  deleting: remove,
  failed: bringUp,
};

/** Nothing listens for these. */
const closed: readonly InstanceStatus[] = ['stopped', 'inaccessible-encryption-credentials'];

/**
 * Opens every instance that is to be reachable, and goes on with what a stop of the sandbox interrupted. One that
 * cannot be opened shows as `failed` with the reason, and is tried again at the next start.
 */
export async function resume(cloud: Cloud): Promise<void> {
  const instances = instanceTable({ cloud }).list();
  for (const instance of instances) {
    const owner = ownerOf(cloud, instance);
    if (unfinished[instance.status] === undefined && !closed.includes(instance.status))
      await reopen(owner, instance).catch((error: unknown) => recordFailure(owner, instance, error));
  }
  // Before the deletions, which wait for the copies that have begun.
  for (const snapshot of snapshotTable({ cloud }).list())
    if (snapshot.status === 'creating') void copy(ownerOf(cloud, snapshot), snapshot);
  for (const instance of instances) {
    const work = unfinished[instance.status];
    if (work !== undefined) inBackground(ownerOf(cloud, instance), instance, work);
  }
  beginKeyWatch(cloud);
}

/** Keeps the status, which may say that the key cannot be used. */
async function reopen(owner: Owner, instance: InstanceRecord): Promise<void> {
  const endpoint = await owner.cloud.dataPlane?.databases.open(specOf(owner, instance));
  if (endpoint === undefined) return;
  changeInstance(owner, instance.id, (current) => ({
    ...current,
    endpoint: { address: endpoint.address, port: endpoint.port },
  }));
}

/** Lets nothing more be recorded: the state is about to be closed. */
export function stop(cloud: Cloud): Promise<void> {
  beginStopping(cloud);
  endKeyWatch(cloud);
  return Promise.resolve();
}
