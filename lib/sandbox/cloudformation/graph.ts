import { AwsError } from '../model.ts';
import { functionOf, getAttArgument, subArgument, substitution } from './intrinsics.ts';
import { dependsOn, formatError, type Template } from './template.ts';

/** One mention of another part of the template. */
export interface Mention {
  readonly kind: 'reference' | 'attribute' | 'condition';
  readonly name: string;
  /** For `attribute`, when it is written out. */
  readonly attribute?: string;
}

/**
 * Every mention in a value.
 *
 * @param condition decides `Fn::If`: only the branch that counts is read. Without it, both are.
 */
export function mentions(value: unknown, condition?: (name: string) => boolean): Mention[] {
  const found: Mention[] = [];
  collect(value, condition, found);
  return found;
}

function collect(value: unknown, condition: ((name: string) => boolean) | undefined, found: Mention[]): void {
  const [name, argument] = functionOf(value) ?? [];
  switch (name) {
    case 'Ref':
      found.push({ kind: 'reference', name: String(argument) });
      return;
    case 'Fn::GetAtt': {
      const [logicalId, attribute] = getAttArgument(argument);
      found.push({ kind: 'attribute', name: logicalId, ...(typeof attribute === 'string' && { attribute }) });
      return collect(attribute, condition, found);
    }
    case 'Fn::Sub':
      return collectSub(argument, condition, found);
    case 'Fn::If': {
      const [test, whenTrue, whenFalse] = Array.isArray(argument) ? (argument as unknown[]) : [];
      found.push({ kind: 'condition', name: String(test) });
      if (!condition || condition(String(test))) collect(whenTrue, condition, found);
      if (!condition || !condition(String(test))) collect(whenFalse, condition, found);
      return;
    }
    case undefined:
    default:
      if (typeof value !== 'object' || value === null) return;
      for (const item of Object.values(value)) collect(item, condition, found);
  }
}

function collectSub(
  argument: unknown,
  condition: ((name: string) => boolean) | undefined,
  found: Mention[],
): void {
  const [template, variables] = subArgument(argument);
  collect(Object.values(variables), condition, found);
  for (const [, literal, name = ''] of template.matchAll(substitution)) {
    if (literal || Object.hasOwn(variables, name)) continue;
    const [logicalId = '', attribute] = name.trim().split(/\.(.*)/s);
    found.push(
      attribute === undefined
        ? { kind: 'reference', name: logicalId }
        : { kind: 'attribute', name: logicalId, attribute },
    );
  }
}

/**
 * Checks that what the template mentions exists, wherever it is mentioned.
 *
 * @param hasAttribute whether `Fn::GetAtt` of a resource type knows an attribute.
 */
export function checkReferences(
  template: Template,
  hasAttribute: (type: string, attribute: string) => boolean,
): void {
  const isParameter = (name: string) => Object.hasOwn(template.Parameters, name) || name.startsWith('AWS::');
  const check = (value: unknown, block: 'Resources' | 'Outputs') => {
    for (const { kind, name, attribute } of mentions(value)) {
      if (kind === 'condition') {
        requireCondition(template, name, block);
      } else if (!Object.hasOwn(template.Resources, name) && !(kind === 'reference' && isParameter(name))) {
        throw formatError(`Unresolved resource dependencies [${name}] in the ${block} block of the template`);
      }
      const type = template.Resources[name]?.Type;
      if (
        attribute !== undefined &&
        type !== undefined &&
        !attribute.includes('${') &&
        !hasAttribute(type, attribute)
      ) {
        throw new AwsError(
          'ValidationError',
          `Template error: resource ${name} does not support attribute type ${attribute} in Fn::GetAtt`,
        );
      }
    }
  };
  for (const resource of Object.values(template.Resources)) {
    check(resource.Properties, 'Resources');
    if (resource.Condition !== undefined) requireCondition(template, resource.Condition, 'Resources');
  }
  for (const output of Object.values(template.Outputs)) {
    check([output.Value, output.Export?.Name], 'Outputs');
    if (output.Condition !== undefined) requireCondition(template, output.Condition, 'Outputs');
  }
}

function requireCondition(template: Template, name: string, block: string): void {
  if (!Object.hasOwn(template.Conditions, name)) {
    throw formatError(`Unresolved condition dependency ${name} in the ${block} block of the template`);
  }
}

/** For each resource, the ones that must exist before it. */
export type Dependencies = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * The order of the resources that take part, by what they mention and by `DependsOn`.
 *
 * @throws AwsError `ValidationError` for a circle.
 */
export function dependenciesOf(
  template: Template,
  isActive: (logicalId: string) => boolean,
  condition: (name: string) => boolean,
): Dependencies {
  const active = Object.entries(template.Resources).filter(([logicalId]) => isActive(logicalId));
  const dependencies = new Map<string, Set<string>>();
  for (const [logicalId, resource] of active) {
    const names = [
      ...mentions(resource.Properties, condition).flatMap(({ kind, name }) =>
        kind === 'condition' ? [] : [name],
      ),
      ...dependsOn(resource),
    ];
    dependencies.set(
      logicalId,
      new Set(names.filter((name) => Object.hasOwn(template.Resources, name) && isActive(name))),
    );
  }
  const circle = findCircle(dependencies);
  if (circle) {
    throw new AwsError('ValidationError', `Circular dependency between resources: [${circle.join(', ')}]`);
  }
  return dependencies;
}

function findCircle(dependencies: Dependencies): string[] | undefined {
  const left = new Map([...dependencies].map(([node, before]) => [node, new Set(before)]));
  for (;;) {
    const free = [...left].filter(([, before]) => before.size === 0).map(([node]) => node);
    if (free.length === 0) break;
    for (const node of free) left.delete(node);
    for (const before of left.values()) for (const node of free) before.delete(node);
  }
  return left.size === 0 ? undefined : [...left.keys()];
}

/** Turns "must exist before" into "must be gone before". */
export function reversed(dependencies: Dependencies): Dependencies {
  const result = new Map<string, Set<string>>([...dependencies.keys()].map((node) => [node, new Set()]));
  for (const [node, before] of dependencies) for (const other of before) result.get(other)?.add(node);
  return result;
}

/**
 * Does the work of every node as soon as the work of all nodes before it is done. A node after a failed one is never
 * begun. `stop at a failure` begins nothing new at all then, and ends when what was begun has ended.
 *
 * @param work must not throw; it returns whether the node's work is done.
 * @returns whether all of it was done.
 */
export async function walk(
  dependencies: Dependencies,
  work: (node: string) => Promise<boolean>,
  mode: 'stop at a failure' | 'go on after failures' = 'stop at a failure',
): Promise<boolean> {
  const visits = new Map<string, Promise<boolean>>();
  let isHalted = false;
  const visit = (node: string): Promise<boolean> => {
    let running = visits.get(node);
    if (!running) {
      running = (async () => {
        const before = [...(dependencies.get(node) ?? [])].filter((other) => dependencies.has(other));
        const results = await Promise.all(before.map(visit));
        if (isHalted || results.includes(false)) return false;
        const isDone = await work(node);
        if (!isDone && mode === 'stop at a failure') isHalted = true;
        return isDone;
      })();
      visits.set(node, running);
    }
    return running;
  };
  const results = await Promise.all([...dependencies.keys()].map(visit));
  return !results.includes(false);
}
