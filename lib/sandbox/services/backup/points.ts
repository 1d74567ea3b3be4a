/** Recovery points: what a vault holds. */
import type * as sdk from '@aws-sdk/client-backup';
import type { Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { allPoints, existingVault, pointsIn, type RecoveryPointRecord } from './records.ts';

function listRecoveryPointsByBackupVault(input: sdk.ListRecoveryPointsByBackupVaultInput, call: Call) {
  const { name } = existingVault(input.BackupVaultName, call);
  const wanted = pointsIn(name, call).filter(
    (point) =>
      (input.ByResourceArn === undefined || point.ResourceArn === input.ByResourceArn) &&
      (input.ByResourceType === undefined || point.ResourceType === input.ByResourceType) &&
      (input.ByBackupPlanId === undefined || point.CreatedBy?.BackupPlanId === input.ByBackupPlanId) &&
      (input.ByCreatedBefore === undefined || (point.CreationDate ?? 0) < input.ByCreatedBefore) &&
      (input.ByCreatedAfter === undefined || (point.CreationDate ?? 0) > input.ByCreatedAfter),
  );
  const page = pageOf(wanted, {
    keyOf: (point) => point.RecoveryPointArn,
    marker: input.NextToken,
    limit: input.MaxResults ?? 1000,
    invalidMarkerCode: 'InvalidParameterValueException',
  });
  return { RecoveryPoints: page.items, NextToken: page.next };
}

/** The resources that have been backed up at least once, with their newest recovery point. */
function listProtectedResources(input: sdk.ListProtectedResourcesInput, call: Call) {
  const newest = new Map<string, RecoveryPointRecord>();
  for (const point of allPoints(call)) {
    const before = newest.get(point.ResourceArn ?? '');
    if (before === undefined || (before.CreationDate ?? 0) < (point.CreationDate ?? 0))
      newest.set(point.ResourceArn ?? '', point);
  }
  const page = pageOf([...newest.values()], {
    keyOf: (point) => point.ResourceArn ?? '',
    marker: input.NextToken,
    limit: input.MaxResults ?? 1000,
    invalidMarkerCode: 'InvalidParameterValueException',
  });
  const Results = page.items.map((point) => ({
    ResourceArn: point.ResourceArn,
    ResourceType: point.ResourceType,
    ResourceName: point.ResourceName,
    LastBackupTime: point.CreationDate,
    LastBackupVaultArn: point.BackupVaultArn,
    LastRecoveryPointArn: point.RecoveryPointArn,
  }));
  return { Results, NextToken: page.next };
}

export const pointOperations = {
  ListRecoveryPointsByBackupVault: listRecoveryPointsByBackupVault,
  ListProtectedResources: listProtectedResources,
};
