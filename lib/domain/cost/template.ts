import { z } from 'zod';
import type { DomainError } from '../errors.ts';
import type { Component } from '../release.ts';
import { unpriced } from './unpriced.ts';

/**
 * A value that is not known before the stack is deployed: an ARN, an address, an output of an earlier stack. It may
 * travel through a template, but nothing that decides a price may depend on it.
 */
export class Undeployed {
  readonly what: string;
  constructor(what: string) {
    this.what = what;
  }
}

export type Value =
  | string
  | number
  | boolean
  | null
  | Undeployed
  | readonly Value[]
  | { readonly [name: string]: Value };

type Raw = z.infer<typeof rawSchema>;
const rawSchema = z.json();
const templateSchema = z.object({
  Parameters: z
    .record(z.string(), z.object({ Type: z.string(), Default: z.union([z.string(), z.number()]).optional() }))
    .default({}),
  Conditions: z.record(z.string(), rawSchema).default({}),
  Resources: z.record(
    z.string(),
    z.object({
      Type: z.string(),
      Condition: z.string().optional(),
      Properties: z.record(z.string(), rawSchema).default({}),
    }),
  ),
});
type Template = z.infer<typeof templateSchema>;

/** The value of `AWS::NoValue`: the property or list item is as if it were not there. */
const noValue = new Undeployed('AWS::NoValue');
/** Pseudo parameters that only a deployment decides ("Pseudo parameters reference", AWS CloudFormation). */
const deploymentsOwn = [
  'AWS::AccountId',
  'AWS::Partition',
  'AWS::StackId',
  'AWS::StackName',
  'AWS::URLSuffix',
];
/** Functions whose result is an address, a zone or an encoded text: of no price. */
const opaqueFunctions = ['Fn::GetAZs', 'Fn::Cidr', 'Fn::Base64'];

export interface Deployment {
  readonly region: string;
  /** Parameters by name; those without a value here and without a default are outputs of earlier stacks. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * One template as it would be deployed with these parameters: the resources whose conditions hold, and their
 * properties with `Ref`, `Fn::If`, … worked out as they are asked for.
 * @throws DomainError `configuration` for an intrinsic function or a reference that it does not know.
 */
export function resourcesOf(component: Component, body: string, deployment: Deployment): CostResource[] {
  const template = templateSchema.parse(JSON.parse(body));
  const evaluation = new Evaluation(component, template, deployment);
  return Object.entries(template.Resources)
    .filter(([, { Condition }]) => Condition === undefined || evaluation.holds(Condition))
    .map(
      ([logicalId, { Type, Properties }]) =>
        new CostResource({ component, logicalId, type: Type }, (name) => {
          const raw = Properties[name];
          return raw === undefined ? undefined : evaluation.valueOf(raw);
        }),
    );
}

/** One resource; its readers throw when a property that decides a price is not what they are asked for. */
export class CostResource {
  readonly component: Component;
  readonly logicalId: string;
  /** CloudFormation's resource type. */
  readonly type: string;
  readonly #property: (name: string) => Value | undefined;

  constructor(
    name: { readonly component: Component; readonly logicalId: string; readonly type: string },
    property: (name: string) => Value | undefined,
  ) {
    this.component = name.component;
    this.logicalId = name.logicalId;
    this.type = name.type;
    this.#property = property;
  }

  /** The property's value; undefined when the template does not set it. */
  value(name: string): Value | undefined {
    const value = this.#property(name);
    return value === noValue ? undefined : value;
  }

  text(name: string): string {
    const value = this.value(name);
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return String(value);
    throw this.#unreadable(name, 'a text', value);
  }

  /** A number, also one that the template writes as text. */
  number(name: string): number {
    const value = this.value(name);
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    throw this.#unreadable(name, 'a number', value);
  }

  /** `absent` when the template does not set the property: CloudFormation's own default. */
  flag(name: string, absent: boolean): boolean {
    const value = this.value(name);
    if (value === undefined) return absent;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    throw this.#unreadable(name, 'true or false', value);
  }

  /** The items; none when the template does not set the property. */
  list(name: string): readonly Value[] {
    const value = this.value(name);
    if (value === undefined) return [];
    if (isList(value)) return value;
    throw this.#unreadable(name, 'a list', value);
  }

  /** For a property that the price table does not cover. */
  uncovered(reason: string): DomainError {
    return unpriced(`The price of ${this.label} is not known: ${reason}.`);
  }

  /** For messages. */
  get label(): string {
    return `${this.component}/${this.logicalId} (${this.type})`;
  }

  #unreadable(name: string, expected: string, value: Value | undefined): DomainError {
    const found =
      value instanceof Undeployed
        ? `known only after deployment (${value.what})`
        : value === undefined
          ? 'missing'
          : JSON.stringify(value);
    return unpriced(
      `The price of ${this.label} depends on its ${name}, which must be ${expected} and is ${found}.`,
    );
  }
}

export const isList = (value: Value | undefined): value is readonly Value[] => Array.isArray(value);

/** Whether a value is an object with names, not a list and not something undeployed. */
export function isRecord(value: Value | undefined): value is { readonly [name: string]: Value } {
  return typeof value === 'object' && value !== null && !isList(value) && !(value instanceof Undeployed);
}

/** The subset of CloudFormation's functions that the templates use ("Intrinsic function reference"). */
class Evaluation {
  readonly #component: Component;
  readonly #template: Template;
  readonly #deployment: Deployment;

  constructor(component: Component, template: Template, deployment: Deployment) {
    this.#component = component;
    this.#template = template;
    this.#deployment = deployment;
  }

  holds(condition: string): boolean {
    const raw = this.#template.Conditions[condition];
    if (raw === undefined) throw this.#unknown(`condition ${condition}`);
    return this.#truth(raw, condition);
  }

  valueOf(raw: Raw): Value {
    if (Array.isArray(raw)) return raw.map((item) => this.valueOf(item)).filter((item) => item !== noValue);
    if (typeof raw !== 'object' || raw === null) return raw;
    const [[name, argument] = ['', null], ...others] = Object.entries(raw);
    if (others.length === 0 && (name === 'Ref' || name.startsWith('Fn::'))) return this.#call(name, argument);
    const entries = Object.entries(raw).map(([key, item]) => [key, this.valueOf(item)] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== noValue));
  }

  #call(name: string, argument: Raw): Value {
    switch (name) {
      case 'Ref':
        return this.#reference(z.string().parse(argument));
      case 'Fn::GetAtt':
        return this.#attribute(argument);
      case 'Fn::If': {
        const [condition, yes, no] = z.tuple([z.string(), rawSchema, rawSchema]).parse(argument);
        return this.valueOf(this.holds(condition) ? yes : no);
      }
      case 'Fn::Join': {
        const [separator, items] = z.tuple([z.string(), rawSchema]).parse(argument);
        return textFrom(this.#items(items, name), (texts) => texts.join(separator));
      }
      case 'Fn::Split': {
        const [separator, text] = z.tuple([z.string(), rawSchema]).parse(argument);
        const value = this.valueOf(text);
        return typeof value === 'string'
          ? value.split(separator)
          : new Undeployed(`a part of ${textOf(value)}`);
      }
      case 'Fn::Select': {
        const [place, items] = z.tuple([z.coerce.number(), rawSchema]).parse(argument);
        const list = this.valueOf(items);
        return isList(list) ? (list[place] ?? noValue) : new Undeployed(`an item of ${textOf(list)}`);
      }
      case 'Fn::Sub':
        return this.#substituted(z.string().parse(argument));
      default:
        if (opaqueFunctions.includes(name)) return new Undeployed(name);
        throw this.#unknown(`function ${name}`);
    }
  }

  #reference(name: string): Value {
    const parameter = this.#template.Parameters[name];
    if (parameter !== undefined) {
      const value = this.#deployment.parameters[name] ?? parameter.Default;
      if (value === undefined) return new Undeployed(`parameter ${name}`);
      return parameter.Type === 'CommaDelimitedList' ? String(value).split(',') : value;
    }
    if (name === 'AWS::NoValue') return noValue;
    if (name === 'AWS::Region') return this.#deployment.region;
    if (name in this.#template.Resources || deploymentsOwn.includes(name)) return new Undeployed(name);
    throw this.#unknown(`reference to ${name}`);
  }

  #attribute(raw: Raw): Value {
    const [resource = '', ...names] = z
      .union([z.string().transform((text) => text.split('.')), z.array(z.string())])
      .parse(raw);
    const attribute = [resource, ...names].join('.');
    if (resource in this.#template.Resources) return new Undeployed(attribute);
    throw this.#unknown(`reference to ${attribute}`);
  }

  #substituted(text: string): Value {
    const parts = text.split(/\$\{([^}]+)\}/);
    const values = parts.map((part, place) => {
      if (place % 2 === 0) return part;
      if (part.startsWith('!')) return `\${${part.slice(1)}}`;
      return part.includes('.') ? this.#attribute(part) : this.#reference(part);
    });
    return textFrom(values, (texts) => texts.join(''));
  }

  #items(raw: Raw, name: string): readonly Value[] {
    const value = this.valueOf(raw);
    if (value instanceof Undeployed) return [value];
    if (isList(value)) return value;
    throw this.#unknown(`argument of ${name}: ${JSON.stringify(raw)}`);
  }

  #truth(raw: Raw, condition: string): boolean {
    const parsed = z.record(z.string(), rawSchema).parse(raw);
    const [[name, argument] = ['', null]] = Object.entries(parsed);
    const all = () => z.array(rawSchema).parse(argument);
    switch (name) {
      case 'Condition':
        return this.holds(z.string().parse(argument));
      case 'Fn::Not':
        return !all().some((item) => this.#truth(item, condition));
      case 'Fn::And':
        return all().every((item) => this.#truth(item, condition));
      case 'Fn::Or':
        return all().some((item) => this.#truth(item, condition));
      case 'Fn::Equals': {
        const [left, right] = all().map((item) => this.valueOf(item));
        for (const side of [left, right]) {
          if (side instanceof Undeployed)
            throw this.#unknown(`condition ${condition}: it depends on ${side.what}`);
        }
        return textOf(left) === textOf(right);
      }
      default:
        throw this.#unknown(`condition ${condition}: function ${name}`);
    }
  }

  #unknown(what: string): DomainError {
    return unpriced(`The price of the ${this.#component} stack cannot be worked out. Unknown ${what}.`);
  }
}

/** A text from parts, or something undeployed if a part is. */
function textFrom(parts: readonly Value[], join: (texts: string[]) => string): Value {
  const open = parts.find((part) => typeof part === 'object');
  return open === undefined ? join(parts.map(String)) : new Undeployed(`a text with ${textOf(open)}`);
}

function textOf(value: Value | undefined): string {
  if (value instanceof Undeployed) return value.what;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
