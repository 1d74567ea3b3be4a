/** Vaults, plans, selections and recovery points as they are kept. */
import type { BackupPlan, BackupSelection, RecoveryPointByBackupVault } from '@aws-sdk/client-backup';
import { recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call, type Table } from '../../model.ts';

export interface VaultLock {
  readonly minRetentionDays?: number | undefined;
  readonly maxRetentionDays?: number | undefined;
  /** Compliance mode: from then on nobody changes the lock. Undefined: governance mode. */
  readonly lockDate?: Date | undefined;
}

export interface VaultRecord {
  readonly name: string;
  readonly arn: string;
  readonly keyArn: string;
  readonly createdAt: Date;
  readonly lock?: VaultLock | undefined;
  readonly accessPolicy?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly madeBy: string;
}

export interface PlanRecord {
  readonly id: string;
  readonly arn: string;
  readonly versionId: string;
  readonly createdAt: Date;
  readonly plan: BackupPlan;
  readonly tags: Readonly<Record<string, string>>;
}

export interface SelectionRecord {
  readonly id: string;
  readonly planId: string;
  readonly createdAt: Date;
  readonly selection: BackupSelection;
}

export type RecoveryPointRecord = RecoveryPointByBackupVault & {
  readonly RecoveryPointArn: string;
  readonly BackupVaultName: string;
};

export const vaultTable = (call: Call): Table<VaultRecord> => call.cloud.state.table('backup.vaults');
export const planTable = (call: Call): Table<PlanRecord> => call.cloud.state.table('backup.plans');
const selectionTable = (call: Call): Table<SelectionRecord> => call.cloud.state.table('backup.selections');
const pointTable = (call: Call): Table<RecoveryPointRecord> =>
  call.cloud.state.table('backup.recovery-points');

export const vaultArn = (name: string, call: Call) => regionalArn('backup', call, `backup-vault:${name}`);

export const invalidValue = (message: string) => new AwsError('InvalidParameterValueException', message);
export const invalidRequest = (message: string) => new AwsError('InvalidRequestException', message);

export function existingVault(name: string | undefined, call: Call): VaultRecord {
  const vault = vaultTable(call).get(recordKey(call, name));
  if (vault === undefined)
    throw new AwsError(
      'ResourceNotFoundException',
      `Backup vault ${name} does not exist or is not accessible.`,
    );
  return vault;
}

export const putVault = (vault: VaultRecord, call: Call) =>
  vaultTable(call).put(recordKey(call, vault.name), vault);

export function existingPlan(id: string | undefined, call: Call): PlanRecord {
  const plan = planTable(call).get(recordKey(call, id));
  if (plan === undefined)
    throw new AwsError('ResourceNotFoundException', `Cannot find Backup plan with ID ${id}`);
  return plan;
}

const selectionKey = (planId: string, id: string) => `${planId}/${id}`;

export const selectionsOf = (planId: string, call: Call) =>
  selectionTable(call).list(recordKey(call, selectionKey(planId, '')));
export const findSelection = (planId: string, id: string, call: Call) =>
  selectionTable(call).get(recordKey(call, selectionKey(planId, id)));
export const putSelection = (selection: SelectionRecord, call: Call) =>
  selectionTable(call).put(recordKey(call, selectionKey(selection.planId, selection.id)), selection);
export const eraseSelection = (planId: string, id: string, call: Call) =>
  selectionTable(call).delete(recordKey(call, selectionKey(planId, id)));

export const pointsIn = (vaultName: string, call: Call) =>
  pointTable(call).list(recordKey(call, `${vaultName}/`));
export const allPoints = (call: Call) => pointTable(call).list(recordKey(call));
const pointKey = (point: RecoveryPointRecord, call: Call) =>
  recordKey(call, `${point.BackupVaultName}/${point.RecoveryPointArn}`);
export const findPoint = (vaultName: string, arn: string, call: Call) =>
  pointTable(call).get(recordKey(call, `${vaultName}/${arn}`));
export const putPoint = (point: RecoveryPointRecord, call: Call) =>
  pointTable(call).put(pointKey(point, call), point);
export const erasePoint = (point: RecoveryPointRecord, call: Call) =>
  pointTable(call).delete(pointKey(point, call));
