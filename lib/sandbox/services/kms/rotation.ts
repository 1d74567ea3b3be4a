/** Key rotation ("Rotate AWS KMS keys", AWS KMS Developer Guide): new material encrypts, old material still decrypts. */
import type {
  DisableKeyRotationRequest,
  EnableKeyRotationRequest,
  GetKeyRotationStatusRequest,
  GetKeyRotationStatusResponse,
  ListKeyRotationsRequest,
  ListKeyRotationsResponse,
  RotateKeyOnDemandRequest,
  RotateKeyOnDemandResponse,
} from '@aws-sdk/client-kms';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { changeableKey } from './keys.ts';
import {
  defaultRotationPeriodInDays,
  findKey,
  type KeyRecord,
  newMaterial,
  refusePendingDeletion,
  saveKey,
} from './records.ts';

const dayMs = 86_400_000;
/** "Resource quotas", AWS KMS Developer Guide. */
const onDemandRotationLimit = 25;

function rotatableKey(call: Call, keyId: string | undefined, operation: string): KeyRecord {
  const key = changeableKey(call, keyId, operation);
  refusePendingDeletion(key);
  if (!key.enabled) throw new AwsError('DisabledException', `${key.arn} is disabled.`);
  if (key.privateKey !== undefined) {
    throw new AwsError(
      'UnsupportedOperationException',
      `${key.arn} key spec is ECC_NIST_P256, which has no rotation.`,
    );
  }
  return key;
}

export function enableKeyRotation(input: EnableKeyRotationRequest, call: Call): void {
  const key = rotatableKey(call, input.KeyId, 'kms:EnableKeyRotation');
  const periodInDays =
    input.RotationPeriodInDays ?? key.rotation?.periodInDays ?? defaultRotationPeriodInDays;
  if (periodInDays < 90 || periodInDays > 2560) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value '${periodInDays}' at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value between 90 and 2560, inclusive`,
    );
  }
  saveKey(call, {
    ...key,
    rotation: { periodInDays, from: key.rotation?.from ?? call.cloud.now().getTime() },
  });
}

export function disableKeyRotation(input: DisableKeyRotationRequest, call: Call): void {
  const { rotation: _stopped, ...key } = rotatableKey(call, input.KeyId, 'kms:DisableKeyRotation');
  saveKey(call, key);
}

function getKeyRotationStatus(input: GetKeyRotationStatusRequest, call: Call): GetKeyRotationStatusResponse {
  const key = findKey(call, input.KeyId, 'keys');
  if (key.rotation === undefined || key.deletionAt !== undefined)
    return { KeyId: key.arn, KeyRotationEnabled: false };
  const { from, periodInDays } = key.rotation;
  return {
    KeyId: key.arn,
    KeyRotationEnabled: true,
    RotationPeriodInDays: periodInDays,
    NextRotationDate: new Date(from + periodInDays * dayMs),
  };
}

function rotateKeyOnDemand(input: RotateKeyOnDemandRequest, call: Call): RotateKeyOnDemandResponse {
  const key = rotatableKey(call, input.KeyId, 'kms:RotateKeyOnDemand');
  if (key.materials.filter(({ origin }) => origin === 'ON_DEMAND').length >= onDemandRotationLimit) {
    throw new AwsError(
      'LimitExceededException',
      `The on-demand rotations limit of ${onDemandRotationLimit} has been reached for ${key.arn}.`,
    );
  }
  saveKey(call, {
    ...key,
    materials: [...key.materials, newMaterial('ON_DEMAND', call.cloud.now().getTime())],
  });
  return { KeyId: key.arn };
}

function listKeyRotations(input: ListKeyRotationsRequest, call: Call): ListKeyRotationsResponse {
  const key = findKey(call, input.KeyId, 'keys');
  const rotations = key.materials.filter(
    (material) => input.IncludeKeyMaterial === 'ALL_KEY_MATERIAL' || material.origin !== 'INITIAL',
  );
  const page = pageOf(rotations, {
    keyOf: (material) =>
      `${String(material.createdAt).padStart(15, '0')}/${String(key.materials.indexOf(material)).padStart(4, '0')}`,
    marker: input.Marker,
    limit: input.Limit ?? 100,
    invalidMarkerCode: 'InvalidMarkerException',
  });
  return {
    Rotations: page.items.map((material) => ({
      KeyId: key.arn,
      KeyMaterialId: material.id,
      KeyMaterialState: material === key.materials.at(-1) ? 'CURRENT' : 'NON_CURRENT',
      ...(material.origin === 'INITIAL'
        ? {}
        : { RotationType: material.origin, RotationDate: new Date(material.createdAt) }),
    })),
    Truncated: page.next !== undefined,
    ...(page.next === undefined ? {} : { NextMarker: page.next }),
  };
}

export const rotationOperations = {
  EnableKeyRotation: enableKeyRotation,
  DisableKeyRotation: disableKeyRotation,
  GetKeyRotationStatus: getKeyRotationStatus,
  RotateKeyOnDemand: rotateKeyOnDemand,
  ListKeyRotations: listKeyRotations,
};
