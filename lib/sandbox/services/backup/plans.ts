/** Plans and what they select. Nothing runs by their schedule: the sandbox makes backups on demand only. */
import type * as sdk from '@aws-sdk/client-backup';
import { generatedUuid, parseArn, recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { findRole } from '../iam/records.ts';
import {
  eraseSelection,
  existingPlan,
  existingVault,
  findSelection,
  invalidRequest,
  invalidValue,
  type PlanRecord,
  planTable,
  putSelection,
  selectionsOf,
} from './records.ts';

/** Days that a continuous backup can be kept ("Continuous backups and point-in-time recovery"). */
const continuousLimit = 35;

function checkedPlan(plan: sdk.BackupPlanInput | undefined, call: Call): sdk.BackupPlan {
  const Rules = plan?.Rules ?? [];
  if (!/^[a-zA-Z0-9_.-]{1,50}$/.test(plan?.BackupPlanName ?? ''))
    throw invalidValue(
      `Invalid backup plan name ${plan?.BackupPlanName}. It has 1 to 50 letters, digits, '-', '_' and '.'.`,
    );
  if (Rules.length === 0) throw invalidValue('A backup plan must contain at least one rule.');
  for (const rule of Rules) checkRule(rule, call);
  return {
    BackupPlanName: plan?.BackupPlanName,
    Rules: Rules.map((rule) => ({
      ...rule,
      RuleId: generatedUuid(`${call.requestId} ${rule.RuleName}`, 'backup-rule'),
    })),
    AdvancedBackupSettings: plan?.AdvancedBackupSettings,
  };
}

function checkRule(rule: sdk.BackupRuleInput, call: Call): void {
  const name = rule.RuleName ?? '';
  try {
    existingVault(rule.TargetBackupVaultName, call);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw invalidValue(`Rule ${name}: ${error.message}`);
  }
  const { ScheduleExpression: schedule, StartWindowMinutes: start, CompletionWindowMinutes: end } = rule;
  if (schedule !== undefined && !/^(cron|rate)\(.+\)$/.test(schedule))
    throw invalidValue(`Rule ${name}: invalid schedule expression ${schedule}`);
  if (start !== undefined && start < 60)
    throw invalidValue(`Rule ${name}: the start window is at least 60 minutes, not ${start}.`);
  if (end !== undefined && end < (start ?? 480) + 60)
    throw invalidValue(
      `Rule ${name}: the completion window is at least 60 minutes longer than the start window.`,
    );
  checkLifecycle(name, rule.Lifecycle);
  const days = rule.Lifecycle?.DeleteAfterDays;
  if (rule.EnableContinuousBackup === true && (days === undefined || days > continuousLimit))
    throw invalidValue(`Rule ${name}: a continuous backup is kept for 1 to ${continuousLimit} days.`);
  for (const copy of rule.CopyActions ?? []) {
    const arn = parseArn(copy.DestinationBackupVaultArn ?? '');
    if (arn?.service !== 'backup' || !arn.resource.startsWith('backup-vault:'))
      throw invalidValue(`Rule ${name}: invalid backup vault ARN ${copy.DestinationBackupVaultArn}`);
    checkLifecycle(name, copy.Lifecycle);
  }
}

function checkLifecycle(rule: string, lifecycle: sdk.Lifecycle | undefined): void {
  const { DeleteAfterDays: last, MoveToColdStorageAfterDays: cold } = lifecycle ?? {};
  if (last !== undefined && last !== -1 && last < 1)
    throw invalidValue(`Rule ${rule}: DeleteAfterDays is at least 1, not ${last}.`);
  if (last !== undefined && cold !== undefined && last < cold + 90)
    throw invalidValue(
      `Rule ${rule}: DeleteAfterDays must be at least 90 days after MoveToColdStorageAfterDays.`,
    );
}

const answer = ({ id, arn, versionId, createdAt }: PlanRecord) => ({
  BackupPlanId: id,
  BackupPlanArn: arn,
  VersionId: versionId,
  CreationDate: createdAt,
});

export function createPlan(input: sdk.CreateBackupPlanInput, call: Call, token = call.requestId): PlanRecord {
  const id = generatedUuid(token, 'backup-plan');
  const present = planTable(call).get(recordKey(call, id));
  return present ?? putPlan(id, input.BackupPlan, input.BackupPlanTags ?? {}, call.cloud.now(), call);
}

function putPlan(
  id: string,
  input: sdk.BackupPlanInput | undefined,
  tags: Readonly<Record<string, string>>,
  createdAt: Date,
  call: Call,
): PlanRecord {
  const plan: PlanRecord = {
    id,
    arn: regionalArn('backup', call, `backup-plan:${id}`),
    versionId: generatedUuid(call.requestId, 'backup-plan-version'),
    createdAt,
    plan: checkedPlan(input, call),
    tags,
  };
  planTable(call).put(recordKey(call, id), plan);
  return plan;
}

/** A plan's new version, with the tags it has unless told otherwise. */
export function updatePlan(
  input: sdk.UpdateBackupPlanInput,
  call: Call,
  tags?: Readonly<Record<string, string>>,
): PlanRecord {
  const before = existingPlan(input.BackupPlanId, call);
  return putPlan(before.id, input.BackupPlan, tags ?? before.tags, before.createdAt, call);
}

export function deletePlan(id: string | undefined, call: Call): PlanRecord {
  const plan = existingPlan(id, call);
  if (selectionsOf(plan.id, call).length > 0)
    throw invalidRequest('Related backup plan selections must be deleted prior to backup plan deletion.');
  planTable(call).delete(recordKey(call, plan.id));
  return plan;
}

function getBackupPlan({ BackupPlanId }: sdk.GetBackupPlanInput, call: Call) {
  const record = existingPlan(BackupPlanId, call);
  return { ...answer(record), BackupPlan: record.plan };
}

function listBackupPlans(input: sdk.ListBackupPlansInput, call: Call) {
  const page = pageOf(planTable(call).list(recordKey(call)), {
    keyOf: (plan) => plan.id,
    marker: input.NextToken,
    limit: input.MaxResults ?? 1000,
    invalidMarkerCode: 'InvalidParameterValueException',
  });
  const BackupPlansList = page.items.map((record) => ({
    ...answer(record),
    BackupPlanName: record.plan.BackupPlanName,
  }));
  return { BackupPlansList, NextToken: page.next };
}

export function createSelection(input: sdk.CreateBackupSelectionInput, call: Call, token = call.requestId) {
  const plan = existingPlan(input.BackupPlanId, call);
  const selection: sdk.BackupSelection = input.BackupSelection ?? {
    SelectionName: undefined,
    IamRoleArn: undefined,
  };
  checkRole(selection.IamRoleArn, call);
  const resources = [...(selection.Resources ?? []), ...(selection.NotResources ?? [])];
  const stranger = resources.find((one) => one !== '*' && !one.startsWith('arn:'));
  if (stranger !== undefined) throw invalidValue(`Invalid ARN: ${stranger}`);
  if (resources.length + (selection.ListOfTags ?? []).length === 0)
    throw invalidValue('A backup selection names resources, or tags that they have.');
  const id = generatedUuid(token, 'backup-selection');
  const record = { id, planId: plan.id, createdAt: call.cloud.now(), selection };
  if (findSelection(plan.id, id, call) === undefined) putSelection(record, call);
  return { SelectionId: id, BackupPlanId: plan.id, CreationDate: record.createdAt };
}

/** AWS Backup must be able to act as the role. */
export function checkRole(arn: string | undefined, call: Call): void {
  const parts = parseArn(arn ?? '');
  const role = findRole(parts?.resource.split('/').at(-1) ?? '', call);
  if (role === undefined || role.Arn !== arn) throw invalidValue(`IAM Role ${arn} does not exist.`);
  if (!role.AssumeRolePolicyDocument.includes('backup.amazonaws.com'))
    throw invalidValue(
      `IAM Role ${arn} cannot be assumed by AWS Backup: its trust policy does not name backup.amazonaws.com.`,
    );
}

function getBackupSelection(
  { BackupPlanId = '', SelectionId = '' }: sdk.GetBackupSelectionInput,
  call: Call,
) {
  const record = findSelection(existingPlan(BackupPlanId, call).id, SelectionId, call);
  if (record === undefined)
    throw new AwsError('ResourceNotFoundException', `Cannot find backup selection ${SelectionId}`);
  const { selection: BackupSelection, createdAt: CreationDate } = record;
  return { BackupPlanId, SelectionId, BackupSelection, CreationDate };
}

function listBackupSelections(input: sdk.ListBackupSelectionsInput, call: Call) {
  const { id } = existingPlan(input.BackupPlanId, call);
  const page = pageOf(selectionsOf(id, call), {
    keyOf: (one) => one.id,
    marker: input.NextToken,
    limit: input.MaxResults ?? 1000,
    invalidMarkerCode: 'InvalidParameterValueException',
  });
  const BackupSelectionsList = page.items.map((one) => ({
    SelectionId: one.id,
    SelectionName: one.selection.SelectionName,
    BackupPlanId: one.planId,
    CreationDate: one.createdAt,
    IamRoleArn: one.selection.IamRoleArn,
  }));
  return { BackupSelectionsList, NextToken: page.next };
}

function deleteBackupSelection(input: sdk.DeleteBackupSelectionInput, call: Call): void {
  getBackupSelection(input, call);
  eraseSelection(input.BackupPlanId ?? '', input.SelectionId ?? '', call);
}

export const planOperations = {
  CreateBackupPlan: (input: sdk.CreateBackupPlanInput, call: Call) => answer(createPlan(input, call)),
  UpdateBackupPlan: (input: sdk.UpdateBackupPlanInput, call: Call) => answer(updatePlan(input, call)),
  DeleteBackupPlan: (input: sdk.DeleteBackupPlanInput, call: Call) => ({
    ...answer(deletePlan(input.BackupPlanId, call)),
    DeletionDate: call.cloud.now(),
  }),
  GetBackupPlan: getBackupPlan,
  ListBackupPlans: listBackupPlans,
  CreateBackupSelection: (input: sdk.CreateBackupSelectionInput, call: Call) => createSelection(input, call),
  GetBackupSelection: getBackupSelection,
  ListBackupSelections: listBackupSelections,
  DeleteBackupSelection: deleteBackupSelection,
};
