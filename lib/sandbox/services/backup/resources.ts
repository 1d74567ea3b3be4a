/** Vaults, plans and selections in CloudFormation. */
import type * as sdk from '@aws-sdk/client-backup';
import { recordKey } from '../../identifiers.ts';
import { AwsError, type ResourceContext, type ResourceHandler, type ResourceOutcome } from '../../model.ts';
import { flagOf, listOf, numberOf, textOf } from '../properties.ts';
import * as plans from './plans.ts';
import {
  eraseSelection,
  existingVault,
  findSelection,
  type PlanRecord,
  planTable,
  putVault,
  vaultTable,
} from './records.ts';
import * as vaults from './vaults.ts';

type Properties = Record<string, unknown>;

/** These types take their tags as a map. */
const tagsIn = (p: Properties, name: string, c: ResourceContext): Record<string, string> => ({
  ...c.stackTags,
  ...(p[name] as Record<string, string> | undefined),
});

function refuse(p: Properties, type: string, names: readonly string[]): void {
  const asked = names.find((name) => p[name] !== undefined);
  if (asked !== undefined)
    throw new AwsError(
      'InvalidParameterValueException',
      `The sandbox does not emulate ${asked} of ${type}: leave it out.`,
    );
}

function settleVault(name: string, p: Properties, previous: Properties, c: ResourceContext): ResourceOutcome {
  refuse(p, 'AWS::Backup::BackupVault', ['Notifications']);
  const lock = p['LockConfiguration'] as Properties | undefined;
  if (lock !== undefined) {
    vaults.lockVault(
      {
        BackupVaultName: name,
        MinRetentionDays: numberOf(lock['MinRetentionDays']),
        MaxRetentionDays: numberOf(lock['MaxRetentionDays']),
        ChangeableForDays: numberOf(lock['ChangeableForDays']),
      },
      c,
    );
  } else if (previous['LockConfiguration'] !== undefined) vaults.unlockVault(name, c);
  vaults.putAccessPolicy(name, textOf(p['AccessPolicy']), c);
  const vault = { ...existingVault(name, c), tags: tagsIn(p, 'BackupVaultTags', c) };
  putVault(vault, c);
  return { physicalId: name, attributes: { BackupVaultName: name, BackupVaultArn: vault.arn } };
}

const sameLock = (a: Properties, b: Properties) =>
  JSON.stringify(a['LockConfiguration']) === JSON.stringify(b['LockConfiguration']);

const vault: ResourceHandler = {
  type: 'AWS::Backup::BackupVault',
  fidelity: 'behaves',
  async create(p, c) {
    const input = {
      BackupVaultName: textOf(p['BackupVaultName']),
      EncryptionKeyArn: textOf(p['EncryptionKeyArn']),
    };
    const { name } = await vaults.createVault(input, c, c.token);
    c.initiated?.(name);
    return settleVault(name, p, {}, c);
  },
  update(name, p, previous, c) {
    // A lock that does not change is left alone: once its days of grace are over, every call on it is refused.
    const { LockConfiguration: _lock, ...others } = p;
    const { LockConfiguration: _before, ...othersBefore } = previous;
    return sameLock(p, previous)
      ? settleVault(name, others, othersBefore, c)
      : settleVault(name, p, previous, c);
  },
  read(name, p, c) {
    const live = vaultTable(c).get(recordKey(c, name));
    const given = p['LockConfiguration'] as Properties | undefined;
    return Promise.resolve(
      live && {
        BackupVaultName: live.name,
        EncryptionKeyArn: live.keyArn,
        // The vault keeps the day on which its lock becomes final, not how many days that was from then.
        LockConfiguration: live.lock && {
          MinRetentionDays: live.lock.minRetentionDays,
          MaxRetentionDays: live.lock.maxRetentionDays,
          ChangeableForDays: live.lock.lockDate && given?.['ChangeableForDays'],
        },
        AccessPolicy:
          live.accessPolicy === undefined ? undefined : (JSON.parse(live.accessPolicy) as unknown),
        BackupVaultTags: live.tags,
      },
    );
  },
  async delete(name, _p, c) {
    if (vaultTable(c).get(recordKey(c, name)) !== undefined) await vaults.deleteVault(name, c);
  },
};

function lifecycleOf(value: unknown): sdk.Lifecycle | undefined {
  if (value === undefined) return undefined;
  const lifecycle = value as Properties;
  return {
    DeleteAfterDays: numberOf(lifecycle['DeleteAfterDays']),
    MoveToColdStorageAfterDays: numberOf(lifecycle['MoveToColdStorageAfterDays']),
    OptInToArchiveForSupportedResources: flagOf(lifecycle['OptInToArchiveForSupportedResources']),
  };
}

/** CloudFormation's `BackupPlanRule` and `TargetBackupVault` are the API's `Rules` and `TargetBackupVaultName`. */
function planOf(p: Properties): sdk.BackupPlanInput {
  const plan = p['BackupPlan'] as Properties;
  refuse(plan, 'AWS::Backup::BackupPlan', ['ScanSettings']);
  return {
    BackupPlanName: textOf(plan['BackupPlanName']),
    AdvancedBackupSettings: plan['AdvancedBackupSettings'] as sdk.AdvancedBackupSetting[] | undefined,
    Rules: listOf<Properties>(plan['BackupPlanRule']).map((rule) => {
      refuse(rule, 'a backup rule', [
        'IndexActions',
        'ScanActions',
        'TargetLogicallyAirGappedBackupVaultArn',
      ]);
      return {
        RuleName: textOf(rule['RuleName']),
        TargetBackupVaultName: textOf(rule['TargetBackupVault']),
        ScheduleExpression: textOf(rule['ScheduleExpression']),
        ScheduleExpressionTimezone: textOf(rule['ScheduleExpressionTimezone']),
        StartWindowMinutes: numberOf(rule['StartWindowMinutes']),
        CompletionWindowMinutes: numberOf(rule['CompletionWindowMinutes']),
        EnableContinuousBackup: flagOf(rule['EnableContinuousBackup']),
        Lifecycle: lifecycleOf(rule['Lifecycle']),
        RecoveryPointTags: rule['RecoveryPointTags'] as Record<string, string> | undefined,
        CopyActions: listOf<Properties>(rule['CopyActions']).map((copy) => ({
          DestinationBackupVaultArn: textOf(copy['DestinationBackupVaultArn']),
          Lifecycle: lifecycleOf(copy['Lifecycle']),
        })),
      };
    }),
  };
}

/** `planOf`, backwards. */
function templateOf(plan: sdk.BackupPlan): Properties {
  return {
    BackupPlanName: plan.BackupPlanName,
    AdvancedBackupSettings: plan.AdvancedBackupSettings,
    BackupPlanRule: plan.Rules?.map(({ TargetBackupVaultName, RuleId: _id, ...rule }) => ({
      ...rule,
      TargetBackupVault: TargetBackupVaultName,
    })),
  };
}

const planOutcome = ({ id, arn, versionId }: PlanRecord): ResourceOutcome => ({
  physicalId: id,
  attributes: { BackupPlanId: id, BackupPlanArn: arn, VersionId: versionId },
});

const plan: ResourceHandler = {
  type: 'AWS::Backup::BackupPlan',
  fidelity: 'recorded',
  create(p, c) {
    const input = { BackupPlan: planOf(p), BackupPlanTags: tagsIn(p, 'BackupPlanTags', c) };
    return planOutcome(plans.createPlan(input, c, c.token));
  },
  update: (id, p, _previous, c) =>
    planOutcome(
      plans.updatePlan({ BackupPlanId: id, BackupPlan: planOf(p) }, c, tagsIn(p, 'BackupPlanTags', c)),
    ),
  read(id, _p, c) {
    const live = planTable(c).get(recordKey(c, id));
    return Promise.resolve(live && { BackupPlan: templateOf(live.plan), BackupPlanTags: live.tags });
  },
  delete(id, _p, c) {
    if (planTable(c).get(recordKey(c, id)) !== undefined) plans.deletePlan(id, c);
  },
};

const selection: ResourceHandler = {
  type: 'AWS::Backup::BackupSelection',
  fidelity: 'recorded',
  create(p, c) {
    const BackupPlanId = textOf(p['BackupPlanId']) ?? '';
    const BackupSelection = p['BackupSelection'] as sdk.BackupSelection;
    const { SelectionId } = plans.createSelection({ BackupPlanId, BackupSelection }, c, c.token);
    const physicalId = `${SelectionId}_${BackupPlanId}`;
    return { physicalId, attributes: { Id: physicalId, SelectionId, BackupPlanId } };
  },
  // Every property of a selection replaces it.
  update: (physicalId) => ({ physicalId, attributes: {} }),
  read(physicalId, _p, c) {
    const [selectionId = '', BackupPlanId = ''] = physicalId.split('_');
    const live = findSelection(BackupPlanId, selectionId, c);
    return Promise.resolve(live && { BackupPlanId, BackupSelection: live.selection });
  },
  delete(physicalId, _p, c) {
    const [selectionId = '', planId = ''] = physicalId.split('_');
    eraseSelection(planId, selectionId, c);
  },
};

export const resources: readonly ResourceHandler[] = [vault, plan, selection];
