import { type DriftDifference, type DriftFindings, notShown } from './drift.ts';
import type { Component } from './release.ts';
import type { Parameters } from './stack-plan.ts';

const stackType = 'AWS::CloudFormation::Stack';

/** Components whose stacks are protected against deletion as soon as they are whole: what they hold cannot be made again. */
const protectedComponents: readonly Component[] = ['foundation', 'data'];

/** A stack as the practice's release and plan want it. */
export interface PromisedStack {
  readonly component: Component;
  readonly name: string;
  readonly templateSha256: string;
  readonly parameters: Parameters;
  readonly tags: Parameters;
}

/** A stack as CloudFormation shows it. */
export interface SeenStack {
  readonly stackId: string;
  /** CloudFormation's stack status. */
  readonly status: string;
  readonly templateSha256: string;
  readonly parameters: Parameters;
  readonly tags: Parameters;
  readonly terminationProtection: boolean;
}

/** The first owner's e-mail address and invitation. */
const personal = /^Owner/;

/** Statuses of a stack that is whole: an update that was rolled back left it as it was. */
const whole = new Set([
  'CREATE_COMPLETE',
  'UPDATE_COMPLETE',
  'UPDATE_ROLLBACK_COMPLETE',
  'IMPORT_COMPLETE',
  'IMPORT_ROLLBACK_COMPLETE',
]);

/** Where a stack itself, not a resource in it, is another one than promised. `seen` undefined: there is none. */
export function stackFindings(promised: PromisedStack, seen: SeenStack | undefined): DriftFindings {
  return { differences: stackDifferences(promised, seen), accepted: [], problems: [] };
}

function stackDifferences(promised: PromisedStack, seen: SeenStack | undefined): DriftDifference[] {
  const { component, name } = promised;
  const differs = (
    property: string,
    expected: string | null,
    actual: string | null,
    [meaning, nextAction]: readonly [string, string],
  ): DriftDifference => ({
    component,
    kind: 'stack',
    resource: name,
    type: stackType,
    physicalId: seen?.stackId ?? null,
    property,
    expected,
    actual,
    meaning,
    nextAction,
  });
  if (seen === undefined) return [differs('/', 'a stack', null, gone(name))];
  const found: DriftDifference[] = [];
  if (!whole.has(seen.status)) {
    found.push(differs('/StackStatus', 'a stack that is whole', seen.status, broken(name)));
  }
  if (seen.templateSha256 !== promised.templateSha256) {
    found.push(differs('/TemplateBody', promised.templateSha256, seen.templateSha256, otherTemplate));
  }
  for (const [parameter, expected] of Object.entries(promised.parameters)) {
    const actual = seen.parameters[parameter] ?? null;
    if (actual === expected) continue;
    const property = `/Parameters/${pointer(parameter)}`;
    const values = personal.test(parameter) ? ([notShown, notShown] as const) : ([expected, actual] as const);
    found.push(differs(property, ...values, otherParameter(parameter)));
  }
  for (const [tag, expected] of Object.entries(promised.tags)) {
    const actual = seen.tags[tag] ?? null;
    if (actual !== expected) found.push(differs(`/Tags/${pointer(tag)}`, expected, actual, otherTag(tag)));
  }
  if (protectedComponents.includes(component) && !seen.terminationProtection) {
    found.push(differs('/EnableTerminationProtection', 'true', 'false', unprotected(name)));
  }
  return found;
}

const pointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

const deployAgain =
  'Find out in CloudTrail who deployed it. Then deploy the practice’s release again (lumenality practice update), which sets it right.';

const gone = (name: string) =>
  [
    `Stack ${name} is gone: this part of the silo is no longer looked after, or no longer there.`,
    'Find out in CloudTrail who deleted it and what is left of its resources before anything is made anew: what a stack retains keeps its data.',
  ] as const;

const broken = (name: string) =>
  [
    `Stack ${name} is not whole: CloudFormation could not end its last operation.`,
    `Read the events of stack ${name}, remove the cause, and end the operation in CloudFormation; then update the practice.`,
  ] as const;

const otherTemplate = [
  'The stack was deployed from another template than the release’s: what it holds is not what the release was checked for.',
  deployAgain,
] as const;

const otherParameter = (name: string) =>
  [
    `The stack was deployed with another ${name} than the practice’s plan and settings say.`,
    deployAgain,
  ] as const;

const otherTag = (name: string) =>
  [
    `The tag ${name}, by which a resource is told to be this practice’s, is another one.`,
    deployAgain,
  ] as const;

const unprotected = (name: string) =>
  [
    `Stack ${name} can be deleted by one call: its termination protection was switched off.`,
    'Find out in CloudTrail who switched it off, and switch it on again in CloudFormation; an update of the practice does so too.',
  ] as const;
