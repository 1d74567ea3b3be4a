/** Backups on demand, of databases: a job makes a DB snapshot that its vault keeps. */
import type * as sdk from '@aws-sdk/client-backup';
import { generatedUuid, parseArn, recordKey } from '../../identifiers.ts';
import { AwsError, type Call, type Table } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { watchKey } from '../rds/encryption.ts';
import { findInstance, type InstanceRecord } from '../rds/records.ts';
import { beginSnapshot } from '../rds/snapshots.ts';
import { checkRole } from './plans.ts';
import { snapshotOf } from './points.ts';
import { existingVault, invalidRequest, invalidValue, putPoint, type VaultRecord } from './records.ts';
import { retentionProblem } from './vaults.ts';

const dayMs = 86_400_000;
const gibibyte = 1024 ** 3;

interface JobRecord {
  readonly id: string;
  readonly createdAt: Date;
  readonly vault: Pick<VaultRecord, 'name' | 'arn'>;
  readonly resourceArn: string;
  readonly resourceName: string;
  readonly roleArn: string;
  readonly keyArn: string | undefined;
  readonly size: number;
  readonly lifecycle?: sdk.Lifecycle | undefined;
  readonly recoveryPointArn?: string | undefined;
  /** Why it failed before it began. */
  readonly failure?: string | undefined;
}

const jobTable = (call: Call): Table<JobRecord> => call.cloud.state.table('backup.jobs');

async function startBackupJob(input: sdk.StartBackupJobInput, call: Call) {
  const vault = existingVault(input.BackupVaultName, call);
  checkRole(input.IamRoleArn, call);
  const id = generatedUuid(input.IdempotencyToken ?? call.requestId, 'backup-job').toUpperCase();
  const job = jobTable(call).get(recordKey(call, id)) ?? (await begin(id, input, vault, call));
  return {
    BackupJobId: job.id,
    CreationDate: job.createdAt,
    IsParent: false,
    ...(job.recoveryPointArn && { RecoveryPointArn: job.recoveryPointArn }),
  };
}

async function begin(
  id: string,
  input: sdk.StartBackupJobInput,
  vault: VaultRecord,
  call: Call,
): Promise<JobRecord> {
  const instance = await database(input.ResourceArn ?? '', call);
  // A retention that the lock refuses fails the job, not the request ("AWS Backup Vault Lock").
  const failure = retentionProblem(vault, input.Lifecycle?.DeleteAfterDays);
  const job: JobRecord = {
    id,
    createdAt: call.cloud.now(),
    vault: { name: vault.name, arn: vault.arn },
    resourceArn: instance.arn,
    resourceName: instance.id,
    roleArn: input.IamRoleArn ?? '',
    keyArn: instance.storage.encrypted ? instance.storage.kmsKeyArn : undefined,
    size: instance.allocatedStorage * gibibyte,
    lifecycle: input.Lifecycle,
    failure,
  };
  const begun = failure === undefined ? backUp(job, instance, input.RecoveryPointTags ?? {}, call) : job;
  jobTable(call).put(recordKey(call, id), begun);
  return begun;
}

/** @throws AwsError for what is no database of this account and Region, or none that can be copied now. */
async function database(resourceArn: string, call: Call): Promise<InstanceRecord> {
  const arn = parseArn(resourceArn);
  if (arn?.service !== 'rds' || !arn.resource.startsWith('db:'))
    throw invalidValue(`The sandbox backs up databases of Amazon RDS only, not ${resourceArn}.`);
  let instance: InstanceRecord;
  try {
    instance = await watchKey(call, findInstance(call, resourceArn));
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw invalidValue(`${resourceArn}: ${error.message}`);
  }
  if (instance.status !== 'available' && instance.status !== 'stopped')
    throw invalidRequest(`Database ${instance.id} cannot be backed up while it is ${instance.status}.`);
  return instance;
}

function backUp(
  job: JobRecord,
  instance: InstanceRecord,
  tags: Readonly<Record<string, string>>,
  call: Call,
): JobRecord {
  const { record } = beginSnapshot(call, instance, {
    id: `awsbackup:job-${job.id.toLowerCase()}`,
    type: 'awsbackup',
    tags,
  });
  const days = job.lifecycle?.DeleteAfterDays;
  putPoint(
    {
      RecoveryPointArn: record.arn,
      BackupVaultName: job.vault.name,
      BackupVaultArn: job.vault.arn,
      ResourceArn: job.resourceArn,
      ResourceName: job.resourceName,
      ResourceType: 'RDS',
      IamRoleArn: job.roleArn,
      Status: 'CREATING',
      CreationDate: job.createdAt,
      Lifecycle: job.lifecycle,
      CalculatedLifecycle:
        days === undefined ? undefined : { DeleteAt: new Date(job.createdAt.getTime() + days * dayMs) },
      // Of a database, the copy stays under the database's own key, whatever the vault's is.
      EncryptionKeyArn: job.keyArn,
      IsEncrypted: job.keyArn !== undefined,
      BackupSizeInBytes: job.size,
      VaultType: 'BACKUP_VAULT',
    },
    call,
  );
  return { ...job, recoveryPointArn: record.arn };
}

function stateOf(job: JobRecord, call: Call): Pick<sdk.BackupJob, 'State' | 'StatusMessage' | 'PercentDone'> {
  if (job.failure !== undefined) return { State: 'FAILED', StatusMessage: job.failure };
  const snapshot = snapshotOf(job.recoveryPointArn ?? '', call);
  if (snapshot?.status === 'creating') return { State: 'RUNNING', PercentDone: '0.0' };
  if (snapshot?.status === 'failed')
    return { State: 'FAILED', StatusMessage: 'The copy of the database failed.' };
  // A copy that is gone had been made: only then can it be deleted.
  return { State: 'COMPLETED', PercentDone: '100.0' };
}

function shown(job: JobRecord, call: Call): sdk.BackupJob {
  return {
    AccountId: call.accountId,
    BackupJobId: job.id,
    BackupVaultName: job.vault.name,
    BackupVaultArn: job.vault.arn,
    RecoveryPointArn: job.recoveryPointArn,
    ResourceArn: job.resourceArn,
    ResourceName: job.resourceName,
    ResourceType: 'RDS',
    CreationDate: job.createdAt,
    IamRoleArn: job.roleArn,
    BackupSizeInBytes: job.size,
    IsParent: false,
    ...stateOf(job, call),
  };
}

function describeBackupJob({ BackupJobId = '' }: sdk.DescribeBackupJobInput, call: Call) {
  const job = jobTable(call).get(recordKey(call, BackupJobId));
  if (job === undefined)
    throw new AwsError('ResourceNotFoundException', `Backup job ${BackupJobId} does not exist.`);
  return shown(job, call);
}

function listBackupJobs(input: sdk.ListBackupJobsInput, call: Call) {
  const wanted = jobTable(call)
    .list(recordKey(call))
    .map((job) => shown(job, call))
    .filter((job) => (input.ByResourceArn ?? job.ResourceArn) === job.ResourceArn)
    .filter((job) => (input.ByBackupVaultName ?? job.BackupVaultName) === job.BackupVaultName)
    .filter((job) => (input.ByState ?? job.State) === job.State);
  const page = pageOf(wanted, {
    keyOf: (job) => job.BackupJobId ?? '',
    marker: input.NextToken,
    limit: input.MaxResults ?? 1000,
    invalidMarkerCode: 'InvalidParameterValueException',
  });
  return { BackupJobs: page.items, NextToken: page.next };
}

export const jobOperations = {
  StartBackupJob: startBackupJob,
  DescribeBackupJob: describeBackupJob,
  ListBackupJobs: listBackupJobs,
};
