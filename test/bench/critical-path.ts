import { createLatency } from '../../lib/sandbox/latency.ts';

/**
 * How long a silo takes at least, from its templates: the longest chain of resources that wait for each other, in each stack and, were there
 * no stacks, in the whole silo. Pure: seconds by resource come from outside.
 */

type Json = unknown;

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, Json>>;
  readonly DependsOn?: string | readonly string[];
  readonly Condition?: string;
}

/** A CloudFormation template, as far as the order of its resources goes. */
export interface OrderedTemplate {
  readonly Parameters?: Readonly<Record<string, { readonly Default?: Json }>>;
  readonly Conditions?: Readonly<Record<string, Json>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: Json }>>;
}

interface Chain {
  readonly seconds: number;
  /** What waits for what, first things first, as `<stack>.<logical id>`. */
  readonly resources: readonly string[];
}

export interface CriticalPath {
  /** The longest chain of each stack, in the order of their deployment. */
  readonly stacks: readonly (Chain & { readonly stack: string })[];
  /** One stack after the other. */
  readonly inStacks: Chain;
  /** The longest chain if nothing waited but for what it names: across stacks, an output leads to the parameter of its name. */
  readonly longest: Chain;
  /** By how much the stacks take longer than the longest chain: 0.1 is ten per cent. */
  readonly excess: number;
}

/** Seconds until a resource is stable, by its type and its properties with conditions and parameters filled in. */
export type SecondsOf = (type: string, properties: Readonly<Record<string, Json>>) => number;

/**
 * @param templates by stack, in the order of their deployment
 * @param parameters of all stacks, by name; others have their defaults or come from an earlier stack
 * @throws Error for resources that wait for each other in a circle, and for a condition that is not understood
 */
export function criticalPath(
  templates: Readonly<Record<string, OrderedTemplate>>,
  parameters: Readonly<Record<string, string>>,
  secondsOf: SecondsOf,
): CriticalPath {
  const nodes = new Map<string, Node>();
  const given = new Map<string, ReadonlySet<string>>();
  for (const [stack, template] of Object.entries(templates)) {
    const scope = { stack, template, parameters, given: new Map(given) };
    for (const [id, resource] of Object.entries(template.Resources)) {
      if (resource.Condition !== undefined && !holds(scope, { Condition: resource.Condition })) continue;
      const properties = filled(scope, resource.Properties ?? {}) as Record<string, Json>;
      const explicit = [resource.DependsOn ?? []].flat().map((name) => `${stack}.${name}`);
      nodes.set(`${stack}.${id}`, {
        stack,
        seconds: secondsOf(resource.Type, properties),
        after: new Set([...explicit, ...namesIn(scope, properties)]),
      });
    }
    for (const [name, { Value }] of Object.entries(template.Outputs ?? {}))
      given.set(name, namesIn(scope, filled(scope, Value)));
  }
  const names = Object.keys(templates);
  const stacks = names.map((stack) => ({ stack, ...longestOf(nodes, (node) => node.stack === stack) }));
  const longest = longestOf(nodes, () => true);
  const inStacks = {
    seconds: stacks.reduce((sum, { seconds }) => sum + seconds, 0),
    resources: stacks.flatMap(({ resources }) => resources),
  };
  return { stacks, inStacks, longest, excess: inStacks.seconds / longest.seconds - 1 };
}

interface Node {
  readonly stack: string;
  readonly seconds: number;
  /** What it waits for, in its stack and in earlier ones; may name what a condition left out. */
  readonly after: ReadonlySet<string>;
}

function longestOf(nodes: ReadonlyMap<string, Node>, counts: (node: Node) => boolean): Chain {
  const known = new Map<string, Chain>();
  const underWay = new Set<string>();
  const chainTo = (name: string): Chain => {
    const node = nodes.get(name);
    if (node === undefined || !counts(node)) return none;
    const done = known.get(name);
    if (done !== undefined) return done;
    if (underWay.has(name)) throw new Error(`${name} waits for itself.`);
    underWay.add(name);
    const before = longer([...node.after].map(chainTo));
    const chain = { seconds: before.seconds + node.seconds, resources: [...before.resources, name] };
    known.set(name, chain);
    return chain;
  };
  return longer([...nodes.keys()].map(chainTo));
}

const none: Chain = { seconds: 0, resources: [] };
const longer = (chains: readonly Chain[]): Chain =>
  chains.reduce((one, other) => (other.seconds > one.seconds ? other : one), none);

interface Scope {
  readonly stack: string;
  readonly template: OrderedTemplate;
  readonly parameters: Readonly<Record<string, string>>;
  /** Outputs of earlier stacks: the resources that they tell of. */
  readonly given: ReadonlyMap<string, ReadonlySet<string>>;
}

function holds(scope: Scope, condition: Json): boolean {
  const [[name, operand] = ['', undefined]] = Object.entries(condition as object) as [string, Json][];
  const parts = operand as readonly Json[];
  if (name === 'Condition') return holds(scope, scope.template.Conditions?.[operand as string] ?? {});
  if (name === 'Fn::Equals') return valueOf(scope, parts[0]) === valueOf(scope, parts[1]);
  if (name === 'Fn::Not') return !holds(scope, parts[0]);
  if (name === 'Fn::And') return parts.every((part) => holds(scope, part));
  if (name === 'Fn::Or') return parts.some((part) => holds(scope, part));
  throw new Error(`The order of ${scope.stack} depends on ${name || 'a condition that it lacks'}.`);
}

function valueOf({ parameters, template }: Scope, value: Json): Json {
  const name = (value as { Ref?: string } | null)?.Ref;
  return name === undefined ? value : (parameters[name] ?? template.Parameters?.[name]?.Default);
}

/** With each choice made, so that only what is really used is waited for. */
function filled(scope: Scope, value: Json): Json {
  if (Array.isArray(value)) return value.map((part) => filled(scope, part));
  if (typeof value !== 'object' || value === null) return value;
  const choice = (value as { 'Fn::If'?: readonly [string, Json, Json] })['Fn::If'];
  if (choice !== undefined) return filled(scope, choice[holds(scope, { Condition: choice[0] }) ? 1 : 2]);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, filled(scope, part)]));
}

/** Resources whose names a value needs, here and, by a parameter that is an earlier stack's output, there. */
function namesIn(scope: Scope, value: Json): ReadonlySet<string> {
  const found = new Set<string>();
  const look = (part: Json): void => {
    if (Array.isArray(part)) return part.forEach(look);
    if (typeof part !== 'object' || part === null) return;
    const { Ref, 'Fn::GetAtt': attribute } = part as {
      Ref?: string;
      'Fn::GetAtt'?: readonly string[] | string;
    };
    const target = Ref ?? (typeof attribute === 'string' ? attribute.split('.')[0] : attribute?.[0]);
    if (target !== undefined) {
      if (target in scope.template.Resources) found.add(`${scope.stack}.${target}`);
      for (const name of scope.given.get(target) ?? []) found.add(name);
    }
    for (const inner of Object.values(part)) look(inner);
  };
  look(value);
  return found;
}

/** Seconds of the sandbox's latency profile `aws` (docs/sandbox.md), for a creation. */
export function secondsOnAws(): SecondsOf {
  const latency = createLatency();
  latency.set({ profile: 'aws' });
  const { seconds } = latency.describe() as {
    seconds: Readonly<Record<string, { readonly create: number }>>;
  };
  const of = (name: string): number => (seconds[name] ?? seconds['others'])?.create ?? 0;
  return (type, properties) => {
    if (properties['VpcEndpointType'] === 'Interface') return of(`${type} (Interface)`);
    return of(String(properties['MultiAZ']) === 'true' ? `${type} (MultiAZ)` : type);
  };
}
