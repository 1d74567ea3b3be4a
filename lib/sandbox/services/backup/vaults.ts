/** Vaults and their locks. A lock is kept: what it forbids is refused, also to the account's administrator. */
import type * as sdk from '@aws-sdk/client-backup';
import { recordKey } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { statementsOf } from '../policies.ts';
import { livePointsIn } from './points.ts';
import {
  existingVault,
  invalidRequest,
  invalidValue,
  putVault,
  type VaultLock,
  type VaultRecord,
  vaultArn,
  vaultTable,
} from './records.ts';

const dayMs = 86_400_000;

export async function createVault(
  input: sdk.CreateBackupVaultInput,
  call: Call,
  token = call.requestId,
): Promise<VaultRecord> {
  const name = input.BackupVaultName ?? '';
  const present = vaultTable(call).get(recordKey(call, name));
  if (present?.madeBy === token) return present;
  if (present !== undefined)
    throw new AwsError('AlreadyExistsException', `Backup vault with the same name already exists: ${name}`);
  if (!/^[a-zA-Z0-9_-]{2,50}$/.test(name))
    throw invalidValue(`Invalid backup vault name ${name}. It has 2 to 50 letters, digits, '-' and '_'.`);
  const vault = {
    name,
    arn: vaultArn(name, call),
    keyArn: await usableKey(input.EncryptionKeyArn ?? 'alias/aws/backup', call),
    createdAt: call.cloud.now(),
    tags: input.BackupVaultTags ?? {},
    madeBy: token,
  };
  putVault(vault, call);
  return vault;
}

/** The ARN of a key that is there and enabled. */
async function usableKey(keyId: string, call: Call): Promise<string> {
  let key: { Arn: string; KeyState: string };
  try {
    const input = { KeyId: keyId };
    key = (await call.cloud.invoke<{ KeyMetadata: typeof key }>('kms', 'DescribeKey', input, call))
      .KeyMetadata;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw invalidValue(`The encryption key ${keyId} cannot be used. (KMS: ${error.code}, ${error.message})`);
  }
  if (key.KeyState !== 'Enabled')
    throw invalidValue(`The encryption key ${keyId} cannot be used: its state is ${key.KeyState}.`);
  return key.Arn;
}

async function shown(vault: VaultRecord, call: Call): Promise<sdk.DescribeBackupVaultOutput> {
  const { lock } = vault;
  return {
    BackupVaultName: vault.name,
    BackupVaultArn: vault.arn,
    VaultType: 'BACKUP_VAULT',
    EncryptionKeyArn: vault.keyArn,
    CreationDate: vault.createdAt,
    NumberOfRecoveryPoints: (await livePointsIn(vault.name, call)).length,
    Locked: lock !== undefined,
    MinRetentionDays: lock?.minRetentionDays,
    MaxRetentionDays: lock?.maxRetentionDays,
    LockDate: lock?.lockDate,
  };
}

async function createBackupVault(input: sdk.CreateBackupVaultInput, call: Call) {
  const { name, arn, createdAt } = await createVault(input, call);
  return { BackupVaultName: name, BackupVaultArn: arn, CreationDate: createdAt };
}

function describeBackupVault({ BackupVaultName }: sdk.DescribeBackupVaultInput, call: Call) {
  return shown(existingVault(BackupVaultName, call), call);
}

async function listBackupVaults(input: sdk.ListBackupVaultsInput, call: Call) {
  const page = pageOf(vaultTable(call).list(recordKey(call)), {
    keyOf: (vault) => vault.name,
    marker: input.NextToken,
    limit: input.MaxResults ?? 1000,
    invalidMarkerCode: 'InvalidParameterValueException',
  });
  const BackupVaultList = await Promise.all(page.items.map((vault) => shown(vault, call)));
  return { BackupVaultList, NextToken: page.next };
}

export async function deleteVault(name: string | undefined, call: Call): Promise<void> {
  const vault = existingVault(name, call);
  if ((await livePointsIn(vault.name, call)).length > 0)
    throw invalidRequest('Backup vault cannot be deleted because it contains recovery points.');
  vaultTable(call).delete(recordKey(call, vault.name));
}

/** @throws AwsError for a lock in compliance mode whose days of grace are over ("AWS Backup Vault Lock"). */
function refuseImmutable({ lock, name }: VaultRecord, call: Call): void {
  if (lock?.lockDate !== undefined && lock.lockDate <= call.cloud.now())
    throw invalidRequest(
      `Vault ${name} is locked since ${lock.lockDate.toISOString()}; its lock cannot be changed.`,
    );
}

export function lockVault(input: sdk.PutBackupVaultLockConfigurationInput, call: Call): void {
  const vault = existingVault(input.BackupVaultName, call);
  refuseImmutable(vault, call);
  const { MinRetentionDays: least, MaxRetentionDays: most, ChangeableForDays: grace } = input;
  if (least !== undefined && least < 1) throw invalidValue('MinRetentionDays must be at least 1.');
  if (most !== undefined && (most > 36_500 || most < (least ?? 1)))
    throw invalidValue('MaxRetentionDays must be from MinRetentionDays to 36500.');
  if (grace !== undefined && (grace < 3 || grace > 36_500))
    throw invalidValue('ChangeableForDays must be from 3 to 36500.');
  const lockDate = grace === undefined ? undefined : new Date(call.cloud.now().getTime() + grace * dayMs);
  const lock: VaultLock = { minRetentionDays: least, maxRetentionDays: most, lockDate };
  putVault({ ...vault, lock }, call);
}

export function unlockVault(name: string | undefined, call: Call): void {
  const { lock, ...vault } = existingVault(name, call);
  refuseImmutable({ ...vault, lock }, call);
  putVault(vault, call);
}

/** Why the lock of a vault refuses to keep a recovery point for so long, if it does. */
export function retentionProblem({ lock, name }: VaultRecord, days: number | undefined): string | undefined {
  const { minRetentionDays: least = 1, maxRetentionDays: most = Number.POSITIVE_INFINITY } = lock ?? {};
  const asked = days ?? Number.POSITIVE_INFINITY;
  return asked < least || asked > most
    ? `A retention of ${asked} days is outside what the lock of vault ${name} allows (${least} to ${most}).`
    : undefined;
}

export function putAccessPolicy(name: string | undefined, policy: string | undefined, call: Call): void {
  const vault = existingVault(name, call);
  if (policy !== undefined) statementsOf(policy, 'InvalidParameterValueException');
  putVault({ ...vault, accessPolicy: policy }, call);
}

function getBackupVaultAccessPolicy({ BackupVaultName }: sdk.GetBackupVaultAccessPolicyInput, call: Call) {
  const { name, arn, accessPolicy } = existingVault(BackupVaultName, call);
  if (accessPolicy === undefined)
    throw new AwsError('ResourceNotFoundException', `Backup vault ${name} has no access policy.`);
  return { BackupVaultName: name, BackupVaultArn: arn, Policy: accessPolicy };
}

export const vaultOperations = {
  CreateBackupVault: createBackupVault,
  DescribeBackupVault: describeBackupVault,
  ListBackupVaults: listBackupVaults,
  DeleteBackupVault: (input: sdk.DeleteBackupVaultInput, call: Call) =>
    deleteVault(input.BackupVaultName, call),
  PutBackupVaultLockConfiguration: lockVault,
  DeleteBackupVaultLockConfiguration: (input: sdk.DeleteBackupVaultLockConfigurationInput, call: Call) =>
    unlockVault(input.BackupVaultName, call),
  PutBackupVaultAccessPolicy: (input: sdk.PutBackupVaultAccessPolicyInput, call: Call) =>
    putAccessPolicy(input.BackupVaultName, input.Policy, call),
  GetBackupVaultAccessPolicy: getBackupVaultAccessPolicy,
};
