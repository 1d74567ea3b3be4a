/** Scalable targets and scaling policies in CloudFormation. */
import type * as sdk from '@aws-sdk/client-application-auto-scaling';
import { AwsError, type ResourceContext, type ResourceHandler, type ResourceOutcome } from '../../model.ts';
import { flagOf, numberOf, textOf } from '../properties.ts';
import {
  deregisterTarget,
  erasePolicy,
  existingTarget,
  findPolicy,
  findTarget,
  putPolicy,
  registerTarget,
} from './targets.ts';

type Properties = Record<string, unknown>;

const namespaceOf = (p: Properties) => p['ServiceNamespace'] as sdk.ServiceNamespace | undefined;
const dimensionOf = (p: Properties) => p['ScalableDimension'] as sdk.ScalableDimension | undefined;

function register(p: Properties, c: ResourceContext): ResourceOutcome {
  if (p['ScheduledActions'] !== undefined)
    throw new AwsError(
      'ValidationException',
      'The sandbox does not emulate ScheduledActions: leave them out.',
    );
  const target = registerTarget(
    {
      ServiceNamespace: namespaceOf(p),
      ScalableDimension: dimensionOf(p),
      ResourceId: textOf(p['ResourceId']),
      MinCapacity: numberOf(p['MinCapacity']),
      MaxCapacity: numberOf(p['MaxCapacity']),
      SuspendedState: p['SuspendedState'] as sdk.SuspendedState | undefined,
    },
    c,
  );
  const Id = `${target.ResourceId}|${target.ScalableDimension}|${target.ServiceNamespace}`;
  return { physicalId: Id, attributes: { Id } };
}

/** `Ref` of a target: `<resource id>|<dimension>|<namespace>`. */
const resourceIdOf = (physicalId: string) => physicalId.split('|')[0] ?? '';

const target: ResourceHandler = {
  type: 'AWS::ApplicationAutoScaling::ScalableTarget',
  fidelity: 'recorded',
  create: register,
  update: (_physicalId, p, _previous, c) => register(p, c),
  read: (physicalId, _p, c) =>
    Promise.resolve(findTarget(resourceIdOf(physicalId), c) as Properties | undefined),
  delete(physicalId, _p, c) {
    const resourceId = resourceIdOf(physicalId);
    if (findTarget(resourceId, c) !== undefined) deregisterTarget(resourceId, c);
  },
};

function trackingOf(p: Properties): sdk.TargetTrackingScalingPolicyConfiguration | undefined {
  const given = p['TargetTrackingScalingPolicyConfiguration'] as Properties | undefined;
  if (given === undefined) return undefined;
  return {
    ...given,
    TargetValue: numberOf(given['TargetValue']),
    ScaleInCooldown: numberOf(given['ScaleInCooldown']),
    ScaleOutCooldown: numberOf(given['ScaleOutCooldown']),
    DisableScaleIn: flagOf(given['DisableScaleIn']),
  };
}

/** A policy names its target by `Ref`, or by the three parts of it. */
function putFrom(p: Properties, c: ResourceContext): ResourceOutcome {
  const targetId = textOf(p['ScalingTargetId']);
  const found = existingTarget(targetId === undefined ? textOf(p['ResourceId']) : resourceIdOf(targetId), c);
  const { PolicyARN } = putPolicy(
    {
      PolicyName: textOf(p['PolicyName']),
      PolicyType: p['PolicyType'] as sdk.PolicyType,
      ServiceNamespace: found.ServiceNamespace,
      ScalableDimension: found.ScalableDimension,
      ResourceId: found.ResourceId,
      TargetTrackingScalingPolicyConfiguration: trackingOf(p),
    },
    c,
  );
  return { physicalId: PolicyARN, attributes: { Arn: PolicyARN } };
}

const policy: ResourceHandler = {
  type: 'AWS::ApplicationAutoScaling::ScalingPolicy',
  fidelity: 'recorded',
  create: putFrom,
  update: (_arn, p, _previous, c) => putFrom(p, c),
  read(arn, p, c) {
    const live = findPolicy(arn, c);
    // The live policy says its target in parts, a template perhaps by one id.
    return Promise.resolve(live && { ...live, ScalingTargetId: p['ScalingTargetId'] });
  },
  delete: (arn, _p, c) => erasePolicy(arn, c),
};

export const resources: readonly ResourceHandler[] = [target, policy];
