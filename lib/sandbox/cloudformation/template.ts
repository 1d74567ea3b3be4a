import { AwsError } from '../model.ts';
import { readYaml } from './template-yaml.ts';

/** The parts of a CloudFormation template ("Template anatomy", AWS CloudFormation User Guide). */
export interface Template {
  readonly Description?: string;
  readonly Metadata?: Readonly<Record<string, unknown>>;
  readonly Parameters: Readonly<Record<string, ParameterDefinition>>;
  readonly Mappings: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly Conditions: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, ResourceDefinition>>;
  readonly Outputs: Readonly<Record<string, OutputDefinition>>;
}

export interface ParameterDefinition {
  readonly Type: string;
  readonly Default?: string | number;
  readonly AllowedPattern?: string;
  readonly AllowedValues?: ReadonlyArray<string | number>;
  readonly ConstraintDescription?: string;
  readonly Description?: string;
  readonly MinLength?: string | number;
  readonly MaxLength?: string | number;
  readonly MinValue?: string | number;
  readonly MaxValue?: string | number;
  readonly NoEcho?: boolean | string;
}

export interface ResourceDefinition {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly Condition?: string;
  readonly Metadata?: unknown;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

interface OutputDefinition {
  readonly Value: unknown;
  readonly Description?: string;
  readonly Condition?: string;
  readonly Export?: { readonly Name: unknown };
}

/** Inline templates ("CloudFormation quotas": template body size in a request), in bytes. */
const inlineLimit = 51_200;

export const formatError = (message: string) =>
  new AwsError('ValidationError', `Template format error: ${message}`);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads a template and checks its form: sections, names, and each entry's own keys. What its values refer to is
 * checked by `checkReferences`, its properties by the resource specification.
 *
 * @throws AwsError `ValidationError` in CloudFormation's words.
 */
export function parseTemplate(body: string): Template {
  const bytes = Buffer.byteLength(body);
  if (bytes > inlineLimit) {
    throw new AwsError(
      'ValidationError',
      `1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to ${inlineLimit}`,
    );
  }
  const template = parseBody(body);
  const { AWSTemplateFormatVersion: version, ...sections } = template;
  if (version !== undefined && version !== '2010-09-09') {
    throw formatError('[/AWSTemplateFormatVersion] version must be 2010-09-09.');
  }
  const known = new Set([
    'Description',
    'Metadata',
    'Parameters',
    'Mappings',
    'Conditions',
    'Resources',
    'Outputs',
  ]);
  for (const name of Object.keys(sections)) {
    if (name === 'Rules' || name === 'Transform' || name === 'Hooks') {
      throw formatError(`the sandbox does not support the section ${name}.`);
    }
    if (!known.has(name)) throw formatError(`Invalid template property or properties [${name}]`);
  }
  for (const name of ['Metadata', 'Parameters', 'Mappings', 'Conditions', 'Resources', 'Outputs']) {
    if (sections[name] !== undefined && !isObject(sections[name])) {
      throw formatError(
        `[/${name}] 'null' values are not allowed in templates and a section must be an object.`,
      );
    }
  }
  if (sections['Description'] !== undefined && typeof sections['Description'] !== 'string') {
    throw formatError('[/Description] must be a string.');
  }
  const whole = {
    Parameters: {},
    Mappings: {},
    Conditions: {},
    Outputs: {},
    ...sections,
  } as unknown as Template;
  if (!isObject(sections['Resources']) || Object.keys(sections['Resources']).length === 0) {
    throw formatError('At least one Resources member must be defined.');
  }
  checkNames(whole);
  checkParameters(whole);
  checkResources(whole);
  checkOutputs(whole);
  return whole;
}

/** JSON, or YAML as the CDK command line sends it. */
function parseBody(body: string): Record<string, unknown> {
  const isJson = body.trimStart().startsWith('{');
  let value: unknown;
  try {
    value = isJson ? JSON.parse(body) : readYaml(body);
  } catch (error) {
    throw formatError(`${isJson ? 'JSON' : 'YAML'} not well-formed. ${(error as Error).message}`);
  }
  if (!isObject(value)) throw formatError('unsupported structure.');
  return value;
}

function checkNames(template: Template): void {
  for (const section of ['Parameters', 'Conditions', 'Resources', 'Outputs'] as const) {
    for (const name of Object.keys(template[section])) {
      if (!/^[A-Za-z0-9]{1,255}$/.test(name)) {
        throw formatError(`${section} name ${name} is non alphanumeric.`);
      }
    }
  }
}

const parameterKeys = new Set([
  'Type',
  'Default',
  'AllowedPattern',
  'AllowedValues',
  'ConstraintDescription',
  'Description',
  'MinLength',
  'MaxLength',
  'MinValue',
  'MaxValue',
  'NoEcho',
]);

function checkParameters(template: Template): void {
  for (const [name, definition] of Object.entries(template.Parameters)) {
    if (!isObject(definition) || typeof definition.Type !== 'string') {
      throw formatError('Every Parameters object must contain a Type member.');
    }
    checkKeys(definition, parameterKeys, `Parameters/${name}`);
    if (!/^(String|Number|CommaDelimitedList|List<.+>|AWS::.+)$/.test(definition.Type)) {
      throw formatError(`Unrecognized parameter type: ${definition.Type}`);
    }
    if (Object.hasOwn(template.Resources, name)) {
      throw formatError(`Resource name ${name} is the name of a parameter, too.`);
    }
  }
}

const resourceKeys = new Set([
  'Type',
  'Properties',
  'DependsOn',
  'Condition',
  'Metadata',
  'DeletionPolicy',
  'UpdateReplacePolicy',
]);
const deletionPolicies = ['Delete', 'Retain', 'RetainExceptOnCreate', 'Snapshot'];
/** Types that CloudFormation can snapshot on deletion and that the sandbox knows ("DeletionPolicy attribute"). */
const snapshotTypes = new Set(['AWS::RDS::DBInstance']);

function checkResources(template: Template): void {
  for (const [name, resource] of Object.entries(template.Resources)) {
    if (!isObject(resource)) throw formatError(`Every Resources object must be an object: [${name}]`);
    if (typeof resource.Type !== 'string') {
      throw formatError(`[/Resources/${name}] Every Resources object must contain a Type member.`);
    }
    for (const unsupported of ['CreationPolicy', 'UpdatePolicy']) {
      if (Object.hasOwn(resource, unsupported)) {
        throw formatError(`[/Resources/${name}] the sandbox does not support ${unsupported}.`);
      }
    }
    checkKeys(resource, resourceKeys, `Resources/${name}`);
    if (resource.Properties !== undefined && !isObject(resource.Properties)) {
      throw formatError(`[/Resources/${name}/Properties] 'Properties' must be an object.`);
    }
    checkPolicy(name, resource, 'DeletionPolicy', deletionPolicies);
    checkPolicy(name, resource, 'UpdateReplacePolicy', ['Delete', 'Retain', 'Snapshot']);
    for (const dependency of dependsOn(resource)) {
      if (!Object.hasOwn(template.Resources, dependency)) {
        throw formatError(
          `Unresolved resource dependencies [${dependency}] in the Resources block of the template`,
        );
      }
    }
  }
}

function checkPolicy(
  name: string,
  resource: ResourceDefinition,
  attribute: 'DeletionPolicy' | 'UpdateReplacePolicy',
  allowed: readonly string[],
): void {
  const policy: unknown = resource[attribute];
  if (policy === undefined) return;
  if (typeof policy !== 'string' || !allowed.includes(policy)) {
    throw formatError(`Unrecognized ${attribute} ${JSON.stringify(policy)} for resource ${name}`);
  }
  if (policy === 'Snapshot' && !snapshotTypes.has(resource.Type)) {
    throw new AwsError(
      'ValidationError',
      `Template error: resource type ${resource.Type} does not support ${attribute === 'DeletionPolicy' ? 'deletion' : 'update replace'} policy Snapshot`,
    );
  }
}

function checkOutputs(template: Template): void {
  for (const [name, output] of Object.entries(template.Outputs)) {
    if (!isObject(output) || output.Value === undefined || output.Value === null) {
      throw formatError(`[/Outputs/${name}] Every Outputs member must contain a Value object`);
    }
    checkKeys(output, new Set(['Value', 'Description', 'Condition', 'Export']), `Outputs/${name}`);
    if (output.Export !== undefined && (!isObject(output.Export) || output.Export.Name === undefined)) {
      throw formatError(`[/Outputs/${name}/Export] must contain a Name.`);
    }
  }
}

function checkKeys(value: object, known: ReadonlySet<string>, path: string): void {
  const stranger = Object.keys(value).find((key) => !known.has(key));
  if (stranger !== undefined) throw formatError(`[/${path}] Encountered unsupported key ${stranger}`);
}

export function dependsOn(resource: ResourceDefinition): readonly string[] {
  if (resource.DependsOn === undefined) return [];
  return typeof resource.DependsOn === 'string' ? [resource.DependsOn] : resource.DependsOn;
}

/** What becomes of a resource that leaves the stack; RDS instances outside a cluster are snapshotted unless told. */
export function deletionPolicyOf(resource: ResourceDefinition): string {
  const snapshotByDefault =
    resource.Type === 'AWS::RDS::DBInstance' && resource.Properties?.['DBClusterIdentifier'] === undefined;
  return resource.DeletionPolicy ?? (snapshotByDefault ? 'Snapshot' : 'Delete');
}

/** "Acknowledging IAM resources in CloudFormation templates": which capability a template needs, if any. */
export function requiredCapability(
  template: Template,
): 'CAPABILITY_IAM' | 'CAPABILITY_NAMED_IAM' | undefined {
  const nameOf: Readonly<Record<string, string | undefined>> = {
    'AWS::IAM::Group': 'GroupName',
    'AWS::IAM::InstanceProfile': 'InstanceProfileName',
    'AWS::IAM::ManagedPolicy': 'ManagedPolicyName',
    'AWS::IAM::Role': 'RoleName',
    'AWS::IAM::User': 'UserName',
    'AWS::IAM::AccessKey': undefined,
    'AWS::IAM::Policy': undefined,
    'AWS::IAM::UserToGroupAddition': undefined,
  };
  const iam = Object.values(template.Resources).filter(({ Type }) => Object.hasOwn(nameOf, Type));
  if (iam.length === 0) return undefined;
  const isNamed = ({ Type, Properties }: ResourceDefinition) => {
    const property = nameOf[Type];
    return property !== undefined && Properties?.[property] !== undefined;
  };
  return iam.some(isNamed) ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM';
}
