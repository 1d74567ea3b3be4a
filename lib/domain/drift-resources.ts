import { isStateful } from './change-review-resources.ts';
import { type AcceptedDifference, type DriftDifference, type DriftFindings, notShown } from './drift.ts';
import { isSameOrLaterMinor } from './engine-version.ts';
import type { Component } from './release.ts';

/** What CloudFormation's drift detection says of one resource ("StackResourceDrift", AWS CloudFormation API Reference). */
export interface ResourceDrift {
  readonly logicalId: string;
  readonly physicalId: string | null;
  readonly type: string;
  /** `IN_SYNC`, `MODIFIED`, `DELETED`, `NOT_CHECKED`, `UNKNOWN`, `UNSUPPORTED`. */
  readonly status: string;
  /** Why the status is `UNKNOWN`. */
  readonly reason: string | null;
  readonly differences: readonly {
    /** JSON pointer. */
    readonly path: string;
    /** `ADD`: the resource has it and the template has not; `REMOVE`: the other way round; `NOT_EQUAL`. */
    readonly kind: string;
    readonly expected: string | null;
    readonly actual: string | null;
  }[];
}

/** What the practice's plan lets autoscaling do. */
export interface ScalingBounds {
  readonly desiredCount: number;
  readonly maxCount: number;
}

/** A difference that comes about without anybody's doing wrong. */
interface Expected {
  readonly type: string;
  readonly path: RegExp;
  readonly accepts: (expected: string, actual: string, bounds: ScalingBounds) => boolean;
  readonly reason: string;
}

const expectedDifferences: readonly Expected[] = [
  {
    type: 'AWS::ECS::Service',
    path: /^\/DesiredCount$/,
    accepts: (_expected, actual, { desiredCount, maxCount }) =>
      /^\d+$/.test(actual) && Number(actual) >= desiredCount && Number(actual) <= maxCount,
    reason: 'Autoscaling moves the number of tasks between the bounds of the practice’s plan.',
  },
  {
    type: 'AWS::RDS::DBInstance',
    path: /^\/EngineVersion$/,
    accepts: (expected, actual) => isSameOrLaterMinor(actual, expected),
    reason: 'RDS raises the minor version by itself in the practice’s maintenance window.',
  },
];

/** What drift detection found in one stack, without what is meant to be so. */
export function resourceFindings(
  component: Component,
  drifts: readonly ResourceDrift[],
  bounds: ScalingBounds,
): DriftFindings {
  const differences: DriftDifference[] = [];
  const accepted: AcceptedDifference[] = [];
  const problems: string[] = [];
  for (const drift of drifts) {
    if (drift.status === 'UNKNOWN') problems.push(notCompared(drift));
    if (drift.status === 'DELETED') differences.push(deleted(component, drift));
    if (drift.status !== 'MODIFIED') continue;
    for (const difference of drift.differences) {
      const known = expectedDifferences.find(
        ({ type, path, accepts }) =>
          type === drift.type &&
          path.test(difference.path) &&
          accepts(difference.expected ?? '', difference.actual ?? '', bounds),
      );
      const { path: property, expected, actual } = difference;
      if (known === undefined) differences.push(modified(component, drift, difference));
      else
        accepted.push({
          component,
          resource: drift.logicalId,
          property,
          expected,
          actual,
          reason: known.reason,
        });
    }
  }
  return { differences, accepted, problems };
}

const nameOf = ({ logicalId, type, physicalId }: ResourceDrift): string =>
  `${logicalId} (${type}${physicalId === null ? '' : `, ${physicalId}`})`;

const notCompared = (drift: ResourceDrift): string =>
  `CloudFormation could not compare ${nameOf(drift)}: ${drift.reason ?? 'it gave no reason'}`;

/** A task definition carries the first owner's address and invitation to the app. */
const shown = (value: string | null): string | null =>
  value !== null && value.includes('OWNER_') ? notShown : value;

function whatOf(component: Component, { logicalId, type, physicalId }: ResourceDrift) {
  return { component, kind: 'resource' as const, resource: logicalId, type, physicalId };
}

function deleted(component: Component, drift: ResourceDrift): DriftDifference {
  return {
    ...whatOf(component, drift),
    property: '/',
    expected: 'the resource',
    actual: null,
    meaning: `${nameOf(drift)} is gone. Somebody deleted it outside CloudFormation.`,
    nextAction: isStateful(drift.type)
      ? 'Do not update the practice. Find out in CloudTrail what was deleted and by whom, and restore it from its backup or within its waiting period.'
      : 'Find out in CloudTrail who deleted it. CloudFormation does not make it again while the template stays as it is: make it anew by hand under the same name, or publish a release that replaces it.',
  };
}

function modified(
  component: Component,
  drift: ResourceDrift,
  { path, kind, expected, actual }: ResourceDrift['differences'][number],
): DriftDifference {
  const change =
    kind === 'ADD'
      ? `has more at ${path} than the template says`
      : kind === 'REMOVE'
        ? `lacks what the template says at ${path}`
        : `has another value at ${path} than the template says`;
  return {
    ...whatOf(component, drift),
    property: path,
    expected: kind === 'ADD' ? null : shown(expected),
    actual: kind === 'REMOVE' ? null : shown(actual),
    meaning: `${nameOf(drift)} ${change}. Somebody changed it outside CloudFormation.`,
    nextAction: isStateful(drift.type)
      ? 'Nothing is set back by itself, because the practice depends on what this resource keeps. Find out in CloudTrail who changed it and why; then set it back in AWS, or publish a release that says so too.'
      : 'Find out in CloudTrail who changed it and why; then set it back in AWS, or publish a release that says so too. CloudFormation does not set it back while the template stays as it is.',
  };
}
