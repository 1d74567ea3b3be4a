import type { Component } from './release.ts';

/** What is known of a silo against its release: nothing yet, all as promised, something else, or not all could be read. */
export const driftStates = ['not_checked', 'in_sync', 'drifted', 'unknown'] as const;
export type DriftState = (typeof driftStates)[number];

export const differenceKinds = ['stack', 'resource', 'check'] as const;

/** One thing of a silo that is not as the practice's release and plan say. */
export interface DriftDifference {
  readonly component: Component;
  /** How it was found: the stack itself, CloudFormation's drift detection, or a verification check that fails. */
  readonly kind: (typeof differenceKinds)[number];
  /** The stack's name, the resource's logical id or the check's id. */
  readonly resource: string;
  /** CloudFormation's resource type; null for a check. */
  readonly type: string | null;
  readonly physicalId: string | null;
  /** JSON pointer (RFC 6901) into the resource's properties; `/` for the resource as a whole. */
  readonly property: string;
  /** Null: nothing is expected there, or nothing is there. */
  readonly expected: string | null;
  readonly actual: string | null;
  readonly meaning: string;
  /** Nothing is ever set back by itself: this is for a person. */
  readonly nextAction: string;
}

/** A difference that is meant to be, with the reason. */
export interface AcceptedDifference {
  readonly component: Component;
  readonly resource: string;
  readonly property: string;
  readonly expected: string | null;
  readonly actual: string | null;
  readonly reason: string;
}

/** What one look at a silo found. */
export interface DriftFindings {
  readonly differences: readonly DriftDifference[];
  readonly accepted: readonly AcceptedDifference[];
  /** What could not be read, in words: while there is any, a silo without a difference is not known to be in sync. */
  readonly problems: readonly string[];
}

/** Stands for values that say who owns a practice or what a link's token hashes to: that they differ is all that drift tells. */
export const notShown = 'not shown';

export const noFindings: DriftFindings = { differences: [], accepted: [], problems: [] };

export function joinFindings(parts: readonly DriftFindings[]): DriftFindings {
  return {
    differences: parts.flatMap(({ differences }) => differences),
    accepted: parts.flatMap(({ accepted }) => accepted),
    problems: [...new Set(parts.flatMap(({ problems }) => problems))],
  };
}

export function driftStateOf({
  differences,
  problems,
}: Pick<DriftFindings, 'differences' | 'problems'>): Exclude<DriftState, 'not_checked'> {
  if (differences.length > 0) return 'drifted';
  return problems.length > 0 ? 'unknown' : 'in_sync';
}

/** Whether two looks found the same, in whatever order. */
export function sameFindings(
  one: Pick<DriftFindings, 'differences' | 'problems'>,
  other: Pick<DriftFindings, 'differences' | 'problems'>,
): boolean {
  const print = ({ differences, problems }: typeof one) =>
    JSON.stringify([differences.map(identityOf).toSorted(), problems.toSorted()]);
  return print(one) === print(other);
}

/** What makes two differences the same one; the words around it may change between versions of the control plane. */
const identityOf = ({ component, kind, resource, physicalId, property, expected, actual }: DriftDifference) =>
  JSON.stringify([component, kind, resource, physicalId, property, expected, actual]);

/**
 * When a practice is looked at for the first time, counted from `start` and spread over the interval by its id: practices that
 * became active together, or a fleet that is watched for the first time, do not ask AWS all at once.
 */
export function firstCheckAt(practiceId: string, start: Date, everyMs: number): Date {
  // FNV-1a, 32 bits (draft-eastlake-fnv): any even spread would do, as long as it is the same in every process.
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(practiceId)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return new Date(start.getTime() + Math.floor((hash / 2 ** 32) * everyMs));
}
