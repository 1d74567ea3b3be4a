import { Unresolved } from './intrinsics.ts';
import { isSecret } from './parameters.ts';
import type { PlannedDetail, StackContent } from './records.ts';
import { isSame } from './specification.ts';
import { parseTemplate } from './template.ts';

type Values = Pick<PlannedDetail, 'path' | 'before' | 'after' | 'changeType'>;

/** What CloudFormation prints for a value that only the execution makes known. */
const knownAfterApply = '{{changeSet:KNOWN_AFTER_APPLY}}';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Unresolved);

/**
 * Where a changed attribute differs, and its values there ("ResourceTargetDefinition", CloudFormation API Reference):
 * the path goes down as long as a single member differs.
 *
 * @param path JSON pointer of the attribute within the resource, for example `/Properties/Tags`.
 */
export function changedValues(path: string, before: unknown, after: unknown, mask: Mask): Values {
  const members = isObject(before) && isObject(after) ? differingMembers(before, after) : [];
  const [name] = members;
  if (members.length === 1 && name !== undefined && isObject(before) && isObject(after)) {
    const pointer = name.replaceAll('~', '~0').replaceAll('/', '~1');
    return changedValues(`${path}/${pointer}`, before[name], after[name], mask);
  }
  return {
    path,
    ...(before !== undefined && { before: mask(printed(before)) }),
    ...(after !== undefined && { after: mask(printed(after)) }),
    changeType: before === undefined ? 'Add' : after === undefined ? 'Remove' : 'Modify',
  };
}

const differingMembers = (
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => !isSame(a[name], b[name]));

/** A resource's attributes as `BeforeContext` and `AfterContext` have them: JSON. */
export function contextText(
  properties: Readonly<Record<string, unknown>>,
  attributes: Readonly<Record<string, unknown>>,
  mask: Mask,
): string {
  return mask(printed({ Properties: properties, ...attributes }));
}

function printed(value: unknown): string {
  if (value instanceof Unresolved) return knownAfterApply;
  if (typeof value === 'string') return value;
  return JSON.stringify(value, (_name, item: unknown) =>
    item instanceof Unresolved ? knownAfterApply : item,
  );
}

/** Hides the values of the parameters that a template calls secret. */
export type Mask = (text: string) => string;

/** Shorter ones would turn up in other texts by chance, and hide those. */
const shortestSecret = 4;

export function maskOf(...contents: readonly StackContent[]): Mask {
  const secrets = contents.flatMap(({ templateBody, parameters }) => {
    if (templateBody === '') return [];
    const definitions = parseTemplate(templateBody).Parameters;
    return Object.entries(parameters).flatMap(([name, value]) =>
      isSecret(definitions[name]) && value.length >= shortestSecret ? value : [],
    );
  });
  return (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, '****'), text);
}
