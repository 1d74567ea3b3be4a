import {
  interrupts,
  isKnownInPlace,
  isStateful,
  statefulTypes,
  weakens,
  whyNeverOverridden,
} from './change-review-resources.ts';
import type { PropertyChange, ResourceChange } from './resource-change.ts';

/**
 * What a change does to its resource: nothing that anybody notices; an interruption; a new one in its place; its end; the loss of a
 * safeguard; or something that CloudFormation cannot tell yet.
 */
export const changeEffects = ['safe', 'restarts', 'replaces', 'removes', 'weakens', 'unknown'] as const;
type ChangeEffect = (typeof changeEffects)[number];

export const changeVerdicts = ['allowed', 'overridden', 'refused'] as const;
type ChangeVerdict = (typeof changeVerdicts)[number];

export const overridableEffects = ['replace', 'remove'] as const;

/** One change to one resource that the review would refuse and somebody has allowed. */
export interface ChangeOverride {
  readonly id: string;
  readonly logicalId: string;
  readonly effect: (typeof overridableEffects)[number];
}

/** One change as the review judged it. */
export interface ReviewedChange {
  readonly action: string;
  readonly logicalId: string;
  readonly physicalId: string | null;
  readonly type: string;
  readonly effect: ChangeEffect;
  readonly verdict: ChangeVerdict;
  /** The properties behind the effect, each with the reason that CloudFormation gave; for a refusal the whole sentence. */
  readonly reason: string | null;
}

/** A change that would lose or orphan what a practice keeps, in words. */
interface Objection {
  readonly logicalId: string;
  readonly type: string;
  readonly message: string;
}

export interface Review {
  /** Every change of the change set, in its order. */
  readonly changes: readonly ReviewedChange[];
  /** Empty when the change set may be executed. */
  readonly objections: readonly Objection[];
  /** The overrides without which there would be more objections. */
  readonly used: readonly ChangeOverride[];
}

/**
 * Reads a change set before it is executed, classifies every change and objects to each replacement, removal or weakening of a stateful
 * resource: also to one that CloudFormation calls only possible (`Conditional`), unless AWS documents that the property is
 * changed in place. Adding is always allowed. An override lets exactly its change of exactly its resource pass, never that of
 * a key or a vault.
 */
export function reviewChanges(
  changes: readonly ResourceChange[],
  overrides: readonly ChangeOverride[] = [],
): Review {
  const used: ChangeOverride[] = [];
  const objections: Objection[] = [];
  const reviewed = changes.map((change): ReviewedChange => {
    const { action, logicalId, physicalId, type } = change;
    const effect = effectOf(change);
    const seen = { action, logicalId, physicalId, type, effect, reason: reasonOf(change, effect) };
    if (!isStateful(type) || effect === 'safe' || effect === 'restarts')
      return { ...seen, verdict: 'allowed' };
    const override = overrides.find((candidate) => allows(candidate, change, effect));
    if (override !== undefined) {
      used.push(override);
      return { ...seen, verdict: 'overridden' };
    }
    const message = objectionTo(change, effect, seen.reason);
    objections.push({ logicalId, type, message });
    return { ...seen, verdict: 'refused', reason: message };
  });
  return { changes: reviewed, objections, used };
}

/** Harmless is only what is known to be. */
function effectOf(change: ResourceChange): ChangeEffect {
  switch (change.action) {
    case 'Add':
    case 'Import':
      return 'safe';
    case 'Remove':
      return 'removes';
    case 'Modify':
      break;
    default:
      return 'unknown';
  }
  if (mayReplace(change)) return 'replaces';
  if (change.details.some((detail) => weakens(change.type, detail))) return 'weakens';
  return change.details.some(({ name }) => name !== null && interrupts(change.type, name))
    ? 'restarts'
    : 'safe';
}

function mayReplace({ type, replacement, details }: ResourceChange): boolean {
  if (replacement === 'True') return true;
  const recreating = details.filter(({ requiresRecreation }) => requiresRecreation !== 'Never');
  const isKnown = recreating.every((detail) => isKnownInPlace(type, detail));
  if (replacement === 'False') return !isKnown;
  // `Conditional` has a cause; without one it is as unknown as any other word.
  return !(replacement === 'Conditional' && recreating.length > 0 && isKnown);
}

function allows(override: ChangeOverride, change: ResourceChange, effect: ChangeEffect): boolean {
  if (override.logicalId !== change.logicalId || whyNeverOverridden(change.type) !== undefined) return false;
  return (
    (override.effect === 'replace' && effect === 'replaces') ||
    (override.effect === 'remove' && effect === 'removes')
  );
}

function objectionTo(change: ResourceChange, effect: ChangeEffect, reason: string | null): string {
  const { logicalId, type, physicalId } = change;
  const name = `${logicalId} (${type}${physicalId === null ? '' : `, ${physicalId}`})`;
  return `The change set would ${harmOf(change, effect)} ${name}${reason === null ? '' : ` because ${reason}`}: ${statefulTypes[type]}.`;
}

function harmOf({ action, replacement }: ResourceChange, effect: ChangeEffect): string {
  if (effect === 'replaces') return replacement === 'True' ? 'replace' : 'possibly replace';
  if (effect === 'removes') return 'remove';
  if (effect === 'weakens') return 'take a safeguard from';
  return `do something unknown (${action}) to`;
}

/** Which properties are behind the effect, with what CloudFormation tells of each. */
function reasonOf(change: ResourceChange, effect: ChangeEffect): string | null {
  const { type, details, policyAction } = change;
  const because = (isCause: (detail: PropertyChange) => boolean): string | null => {
    const words = [...new Set(details.filter(isCause).map((detail) => wordsFor(type, detail)))];
    return words.length === 0 ? null : words.join('; ');
  };
  switch (effect) {
    case 'removes':
      return `the template no longer has it${policyAction === null ? '' : ` (then: ${policyAction})`}`;
    case 'replaces':
      return because((it) => it.requiresRecreation !== 'Never' && !isKnownInPlace(type, it));
    case 'weakens':
      return because((it) => weakens(type, it));
    case 'restarts':
      return because(({ name }) => name !== null && interrupts(type, name));
    case 'safe':
      return change.action === 'Modify' ? because(() => true) : null;
    case 'unknown':
      return null;
  }
}

/** A value longer than this is cut: policies and templates travel here as well. */
const longestValue = 120;

/**
 * A container's environment carries the first owner's address and the hash of a link's token, which are not for everybody who may
 * follow a run; the parameter behind the change is named all the same.
 */
const isPersonal = (type: string, name: string | null): boolean =>
  type === 'AWS::ECS::TaskDefinition' && name === 'ContainerDefinitions';

function wordsFor(type: string, { attribute, name, before, after, causingEntity }: PropertyChange): string {
  const what = name ?? attribute;
  const isToldNothing = (before === null && after === null) || isPersonal(type, name);
  const values = isToldNothing ? '' : ` from ${quoted(before)} to ${quoted(after)}`;
  return `${what} would change${values}${causingEntity === null ? '' : `, by ${causingEntity}`}`;
}

function quoted(value: string | null): string {
  if (value === null) return 'nothing';
  return `"${value.length > longestValue ? `${value.slice(0, longestValue)}…` : value}"`;
}
