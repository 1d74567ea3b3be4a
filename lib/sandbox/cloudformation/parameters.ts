import { AwsError } from '../model.ts';
import type { ParameterDefinition, Template } from './template.ts';

/** A parameter as a request gives it (CloudFormation API, "Parameter"). */
export interface GivenParameter {
  readonly ParameterKey?: string | undefined;
  readonly ParameterValue?: string | undefined;
  readonly UsePreviousValue?: boolean | undefined;
}

/** Values by name, as text: what a stack records. */
export type ParameterTexts = Readonly<Record<string, string>>;

const invalid = (message: string) => new AwsError('ValidationError', message);

/**
 * The value of every parameter of a template, from the request, the stack's previous values and the defaults.
 *
 * @throws AwsError `ValidationError` for a missing, an unknown and a disallowed one, in CloudFormation's words.
 */
export function resolveParameters(
  template: Template,
  given: readonly GivenParameter[],
  previous: ParameterTexts | undefined,
): ParameterTexts {
  const texts = new Map<string, string>();
  for (const { ParameterKey: name = '', ParameterValue: value, UsePreviousValue: usePrevious } of given) {
    if (!Object.hasOwn(template.Parameters, name)) {
      throw invalid(`Parameters: [${name}] do not exist in the template`);
    }
    if (texts.has(name)) throw invalid(`Duplicate parameter: ${name}`);
    if (usePrevious) {
      const before = previous?.[name];
      if (before === undefined) {
        throw invalid(
          `Invalid input for parameter key ${name}. Cannot specify usePreviousValue as true for a parameter key not in the previous template`,
        );
      }
      texts.set(name, before);
    } else if (value !== undefined) {
      texts.set(name, value);
    }
  }
  const missing: string[] = [];
  for (const [name, definition] of Object.entries(template.Parameters)) {
    if (texts.has(name)) continue;
    if (definition.Default === undefined) missing.push(name);
    else texts.set(name, String(definition.Default));
  }
  if (missing.length > 0) throw invalid(`Parameters: [${missing.join(', ')}] must have values`);
  for (const [name, text] of texts) checkValue(name, definitionOf(template, name), text);
  return Object.fromEntries(texts);
}

function definitionOf(template: Template, name: string): ParameterDefinition {
  const definition = template.Parameters[name];
  if (!definition) throw invalid(`Parameters: [${name}] do not exist in the template`);
  return definition;
}

const isListType = (type: string) => type === 'CommaDelimitedList' || type.startsWith('List<');

/** What `Ref` returns for a parameter: a list for the list types, text for all others. */
export function parameterValue(definition: ParameterDefinition, text: string): string | string[] {
  if (!isListType(definition.Type)) return text;
  return text === '' ? [] : text.split(',').map((item) => item.trim());
}

export const isSecret = (definition: ParameterDefinition | undefined) =>
  String(definition?.NoEcho) === 'true';

function checkValue(name: string, definition: ParameterDefinition, text: string): void {
  if (definition.Type.startsWith('AWS::SSM::')) {
    throw invalid(`Parameter ${name}: the sandbox does not support the type ${definition.Type}.`);
  }
  const items = isListType(definition.Type) ? [parameterValue(definition, text)].flat() : [text];
  // "ConstraintDescription: a string that explains a constraint when the constraint is violated".
  const refuse = (constraint: string) =>
    invalid(
      `Parameter ${name} failed to satisfy constraint: ${definition.ConstraintDescription ?? constraint}`,
    );
  for (const item of items) {
    checkType(name, definition.Type, item);
    const allowed = definition.AllowedValues?.map(String);
    if (allowed && !allowed.includes(item))
      throw refuse(`must be one of AllowedValues: ${allowed.join(', ')}`);
    if (
      definition.AllowedPattern !== undefined &&
      !new RegExp(`^(?:${definition.AllowedPattern})$`).test(item)
    ) {
      throw refuse(`must match pattern ${definition.AllowedPattern}`);
    }
  }
  const limits: Array<
    [limit: string | number | undefined, broken: (bound: number) => boolean, text: string]
  > = [
    [definition.MinLength, (bound) => text.length < bound, 'must contain at least'],
    [definition.MaxLength, (bound) => text.length > bound, 'must contain at most'],
    [definition.MinValue, (bound) => Number(text) < bound, 'must be a number not less than'],
    [definition.MaxValue, (bound) => Number(text) > bound, 'must be a number not greater than'],
  ];
  for (const [limit, broken, words] of limits) {
    if (limit === undefined || !broken(Number(limit))) continue;
    throw refuse(`${words} ${limit}${words.includes('contain') ? ' characters' : ''}`);
  }
}

/** Forms of the AWS-specific types that can be told without asking the service ("CloudFormation-supplied parameter types"). */
const awsTypePatterns: Readonly<Record<string, RegExp>> = {
  'AWS::EC2::VPC::Id': /^vpc-[0-9a-f]{8,17}$/,
  'AWS::EC2::Subnet::Id': /^subnet-[0-9a-f]{8,17}$/,
  'AWS::EC2::SecurityGroup::Id': /^sg-[0-9a-f]{8,17}$/,
  'AWS::EC2::AvailabilityZone::Name': /^[a-z]{2}(-[a-z]+)+-\d[a-z]$/,
  'AWS::Route53::HostedZone::Id': /^Z[A-Z0-9]{1,31}$/,
};

function checkType(name: string, type: string, item: string): void {
  const itemType = /^List<(.+)>$/.exec(type)?.[1] ?? type;
  if (itemType === 'Number' && (item.trim() === '' || Number.isNaN(Number(item)))) {
    throw invalid(`Parameter '${name}' must be a number.`);
  }
  const pattern = awsTypePatterns[itemType];
  if (pattern && !pattern.test(item)) {
    throw invalid(
      `Parameter validation failed: parameter value ${item} for parameter name ${name} does not exist.`,
    );
  }
}
