import { AwsError } from '../model.ts';
import type { Template } from './template.ts';

/**
 * A value that is known only once a resource has been created or changed. A change set computes with these; an
 * execution never meets one.
 */
export class Unresolved {
  /** What it waits for, in the words of a change set's details. */
  readonly source: 'ResourceReference' | 'ResourceAttribute';
  /** `LogicalId` or `LogicalId.Attribute`. */
  readonly entity: string;

  constructor(source: 'ResourceReference' | 'ResourceAttribute', entity: string) {
    this.source = source;
    this.entity = entity;
  }
}

/** Where intrinsic functions find their values. */
export interface Scope {
  readonly template: Template;
  /** Parameters and pseudo parameters; undefined for neither. `noValue` for `AWS::NoValue`. */
  parameter(name: string): unknown;
  condition(name: string): boolean;
  /** What `Ref` of a resource returns. */
  reference(logicalId: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
  importValue(name: string): unknown;
  availabilityZones(region: string): readonly string[];
}

/** `AWS::NoValue`: removes the property or the list item that it stands for. */
export const noValue = Symbol('AWS::NoValue');

const templateError = (message: string) => new AwsError('ValidationError', `Template error: ${message}`);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Unresolved);

/** The function that an object stands for: its only key is `Ref`, `Condition` or begins with `Fn::`. */
export function functionOf(value: unknown): readonly [name: string, argument: unknown] | undefined {
  if (!isObject(value)) return undefined;
  const keys = Object.keys(value);
  const name = keys[0];
  if (keys.length !== 1 || name === undefined || !(name === 'Ref' || name.startsWith('Fn::')))
    return undefined;
  return [name, value[name]];
}

/** Replaces every intrinsic function in a value by what it returns ("Intrinsic function reference"). */
export function evaluate(value: unknown, scope: Scope): unknown {
  const call = functionOf(value);
  if (call) return evaluateFunction(call[0], call[1], scope);
  if (Array.isArray(value)) {
    return value.map((item) => evaluate(item, scope)).filter((item) => item !== noValue);
  }
  if (isObject(value)) {
    const entries = Object.entries(value).map(([key, item]) => [key, evaluate(item, scope)] as const);
    return Object.fromEntries(entries.filter(([, item]) => item !== noValue));
  }
  if (value === null) throw templateError("'null' values are not allowed in templates");
  return value;
}

function evaluateFunction(name: string, argument: unknown, scope: Scope): unknown {
  switch (name) {
    case 'Ref':
      return reference(argument, scope);
    case 'Fn::GetAtt': {
      const [logicalId, attribute] = getAttArgument(argument);
      return scope.attribute(logicalId, text(name, evaluate(attribute, scope)));
    }
    case 'Fn::Sub':
      return substitute(argument, scope);
    case 'Fn::Join':
      return join(argument, scope);
    case 'Fn::Select':
      return select(argument, scope);
    case 'Fn::Split': {
      const [separator, source] = operands(name, argument, 2);
      const whole = evaluate(source, scope);
      return whole instanceof Unresolved ? whole : text(name, whole).split(text(name, separator));
    }
    case 'Fn::GetAZs': {
      const region = text(name, evaluate(argument, scope));
      return [
        ...scope.availabilityZones(region === '' ? text(name, scope.parameter('AWS::Region')) : region),
      ];
    }
    case 'Fn::Cidr':
      return cidr(argument, scope);
    case 'Fn::FindInMap':
      return findInMap(argument, scope);
    case 'Fn::Base64': {
      const plain = evaluate(argument, scope);
      return plain instanceof Unresolved ? plain : Buffer.from(text(name, plain)).toString('base64');
    }
    case 'Fn::If': {
      const [condition, whenTrue, whenFalse] = operands(name, argument, 3);
      return evaluate(scope.condition(text(name, condition)) ? whenTrue : whenFalse, scope);
    }
    case 'Fn::ImportValue':
      return scope.importValue(text(name, evaluate(argument, scope)));
    case 'Fn::And':
    case 'Fn::Or':
    case 'Fn::Not':
    case 'Fn::Equals':
      throw templateError(`${name} can only be used in conditions`);
    default:
      throw new AwsError(
        'ValidationError',
        `Template format error: the sandbox does not support the function ${name}.`,
      );
  }
}

/** Evaluates one condition of the `Conditions` section. */
export function evaluateCondition(value: unknown, scope: Scope): boolean {
  const [name, argument] = conditionCall(value);
  switch (name) {
    case 'Condition':
      return scope.condition(text(name, argument));
    case 'Fn::Equals': {
      const [left, right] = operands(name, argument, 2).map((operand) => evaluate(operand, scope));
      return JSON.stringify(normal(left)) === JSON.stringify(normal(right));
    }
    case 'Fn::Not':
      return !evaluateCondition(operands(name, argument, 1)[0], scope);
    case 'Fn::And':
    case 'Fn::Or': {
      const values = Array.isArray(argument) ? argument : [];
      if (values.length < 2 || values.length > 10) {
        throw templateError(
          `every ${name} object requires a list of at least 2 and at most 10 boolean parameters.`,
        );
      }
      const results = values.map((operand) => evaluateCondition(operand, scope));
      return name === 'Fn::And' ? results.every(Boolean) : results.some(Boolean);
    }
    default:
      throw formatErrorOfCondition(name);
  }
}

const formatErrorOfCondition = (name: string) =>
  new AwsError(
    'ValidationError',
    `Template format error: Conditions can only be boolean operations on parameters and other conditions, not ${name}`,
  );

function conditionCall(value: unknown): [string, unknown] {
  const entries = isObject(value) ? Object.entries(value) : [];
  const [entry] = entries;
  if (entries.length !== 1 || !entry) throw formatErrorOfCondition(JSON.stringify(value));
  return entry;
}

/** Numbers and booleans in a template compare with the text of a parameter. */
const normal = (value: unknown) =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;

function reference(argument: unknown, scope: Scope): unknown {
  const name = text('Ref', argument);
  const value = scope.parameter(name);
  return value === undefined ? scope.reference(name) : value;
}

export function getAttArgument(argument: unknown): [logicalId: string, attribute: unknown] {
  if (typeof argument === 'string' && argument.includes('.')) {
    const dot = argument.indexOf('.');
    return [argument.slice(0, dot), argument.slice(dot + 1)];
  }
  if (Array.isArray(argument) && argument.length === 2 && typeof argument[0] === 'string') {
    return [argument[0], argument[1] as unknown];
  }
  throw templateError(
    'every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute',
  );
}

/** The `${…}` of `Fn::Sub`; `${!Literal}` stands for `${Literal}`. */
export const substitution = /\$\{(!?)([^}]+)\}/g;

/** Splits the argument of `Fn::Sub` into its text and its own variables. */
export function subArgument(
  argument: unknown,
): [template: string, variables: Readonly<Record<string, unknown>>] {
  const [template, variables] = Array.isArray(argument) ? (argument as unknown[]) : [argument, {}];
  if (typeof template !== 'string' || !isObject(variables)) {
    throw templateError(
      "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string",
    );
  }
  return [template, variables];
}

function substitute(argument: unknown, scope: Scope): unknown {
  const [template, variables] = subArgument(argument);
  let unresolved: Unresolved | undefined;
  const result = template.replace(substitution, (_match, literal: string, name: string) => {
    if (literal) return `\${${name}}`;
    const value = Object.hasOwn(variables, name)
      ? evaluate(variables[name], scope)
      : name.includes('.')
        ? scope.attribute(...(getAttArgument(name) as [string, string]))
        : reference(name.trim(), scope);
    if (value instanceof Unresolved) {
      unresolved ??= value;
      return '';
    }
    return text('Fn::Sub', value);
  });
  return unresolved ?? result;
}

function join(argument: unknown, scope: Scope): unknown {
  const [separator, source] = operands('Fn::Join', argument, 2);
  const items = evaluate(source, scope);
  if (items instanceof Unresolved) return items;
  if (!Array.isArray(items))
    throw templateError(
      'every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings',
    );
  const unresolved = items.find((item) => item instanceof Unresolved);
  return unresolved ?? items.map((item) => text('Fn::Join', item)).join(text('Fn::Join', separator));
}

function select(argument: unknown, scope: Scope): unknown {
  const [position, source] = operands('Fn::Select', argument, 2);
  const index = Number(evaluate(position, scope));
  const items = evaluate(source, scope);
  if (items instanceof Unresolved) return items;
  if (!Array.isArray(items))
    throw templateError('Fn::Select requires a list argument with two elements: an integer index and a list');
  if (!Number.isInteger(index) || index < 0 || index >= items.length) {
    throw templateError(`Fn::Select cannot select nonexistent value at index ${index}`);
  }
  return items[index] as unknown;
}

function findInMap(argument: unknown, scope: Scope): unknown {
  const operandsOfMap = Array.isArray(argument) ? (argument as unknown[]) : [];
  const [mapName, topKey, secondKey] = operandsOfMap
    .slice(0, 3)
    .map((key) => text('Fn::FindInMap', evaluate(key, scope)));
  if (mapName === undefined || topKey === undefined || secondKey === undefined) {
    throw templateError(
      'every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value',
    );
  }
  const value = scope.template.Mappings[mapName]?.[topKey]?.[secondKey];
  if (value === undefined) {
    throw templateError(`Unable to get mapping for ${mapName}::${topKey}::${secondKey}`);
  }
  return value;
}

/** `Fn::Cidr`: `count` consecutive blocks of 2^`cidrBits` addresses each, from the start of an IPv4 block. */
function cidr(argument: unknown, scope: Scope): unknown {
  const values = (Array.isArray(argument) ? (argument as unknown[]) : []).map((operand) =>
    evaluate(operand, scope),
  );
  const unresolved = values.find((value) => value instanceof Unresolved);
  if (unresolved) return unresolved;
  const [block, count, bits] = values;
  const [, address, prefix] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(text('Fn::Cidr', block)) ?? [];
  const [size, blocks] = [2 ** Number(bits ?? 0), Number(count)];
  if (!address || !(blocks >= 1 && blocks <= 256) || !(size >= 1)) {
    throw templateError(
      'Fn::Cidr requires an IPv4 block, a count from 1 to 256 and the number of bits of each block',
    );
  }
  const start = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  if (blocks * size > 2 ** (32 - Number(prefix))) {
    throw templateError(
      `Fn::Cidr: ${blocks} blocks of ${Number(bits)} bits do not fit into ${text('Fn::Cidr', block)}`,
    );
  }
  return Array.from({ length: blocks }, (_, index) => {
    const first = start + index * size;
    const octets = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
    return `${octets.join('.')}/${32 - Number(bits)}`;
  });
}

function operands(name: string, argument: unknown, count: number): unknown[] {
  if (!Array.isArray(argument) || argument.length !== count) {
    throw templateError(`${name} requires a list argument with ${count} element${count === 1 ? '' : 's'}`);
  }
  return argument as unknown[];
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw templateError(
    `${name} expects text, and was given ${Array.isArray(value) ? 'a list' : typeof value}`,
  );
}
