import { AwsError, type Cloud } from '../model.ts';
import { availabilityZonesOf } from '../services/ec2/zones.ts';
import { type Dependencies, dependenciesOf } from './graph.ts';
import { evaluateCondition, noValue, type Scope } from './intrinsics.ts';
import { type ParameterTexts, parameterValue } from './parameters.ts';
import { type StackRecord, tables } from './records.ts';
import type { Template } from './template.ts';

/** The stack that a template is evaluated for. */
export type StackIdentity = Pick<StackRecord, 'stackId' | 'name' | 'accountId' | 'region'>;

/** Looks up what resources return; a change set and an execution differ in this alone. */
interface ResourceValues {
  reference(logicalId: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
}

/** A template with its parameters, in its stack. */
export interface BoundTemplate {
  readonly template: Template;
  readonly condition: (name: string) => boolean;
  /** Whether a resource or an output takes part: it has no condition, or one that holds. */
  readonly isActive: (entry: { readonly Condition?: string } | undefined) => boolean;
  /** The resources that take part, each with the ones that must exist before it. */
  readonly dependencies: Dependencies;
  scope(values: ResourceValues): Scope;
}

/** @throws AwsError `ValidationError` for conditions that cannot be evaluated and for resources that wait for each other. */
export function bindTemplate(
  cloud: Cloud,
  stack: StackIdentity,
  template: Template,
  texts: ParameterTexts,
): BoundTemplate {
  const parameter = (name: string): unknown => {
    const definition = Object.hasOwn(template.Parameters, name) ? template.Parameters[name] : undefined;
    if (definition) return parameterValue(definition, texts[name] ?? '');
    return name.startsWith('AWS::') ? pseudoParameter(stack, name) : undefined;
  };
  const scope = (values: ResourceValues): Scope => ({
    template,
    parameter,
    condition,
    importValue: (name) => exportedValue(cloud, stack, name),
    availabilityZones: availabilityZonesOf,
    ...values,
  });

  const results = new Map<string, boolean | 'evaluating'>();
  const conditionScope = scope({
    reference: (name) => {
      throw new AwsError(
        'ValidationError',
        `Template format error: Unresolved dependencies [${name}]. Cannot reference resources in the Conditions block of the template`,
      );
    },
    attribute: () => {
      throw new AwsError('ValidationError', 'Template error: Cannot use Fn::GetAtt in Conditions.');
    },
  });
  function condition(name: string): boolean {
    const known = results.get(name);
    if (known === 'evaluating') {
      throw new AwsError(
        'ValidationError',
        `Template format error: Circular dependency between conditions: [${name}]`,
      );
    }
    if (known !== undefined) return known;
    if (!Object.hasOwn(template.Conditions, name)) {
      throw new AwsError(
        'ValidationError',
        `Template format error: Unresolved condition dependency ${name} in the template`,
      );
    }
    results.set(name, 'evaluating');
    const result = evaluateCondition(template.Conditions[name], conditionScope);
    results.set(name, result);
    return result;
  }
  for (const name of Object.keys(template.Conditions)) condition(name);
  const isActive = (entry: { readonly Condition?: string } | undefined) =>
    entry !== undefined && (entry.Condition === undefined || condition(entry.Condition));
  const dependencies = dependenciesOf(template, (id) => isActive(template.Resources[id]), condition);
  return { template, condition, isActive, dependencies, scope };
}

/** "Pseudo parameters reference". */
function pseudoParameter({ stackId, name, accountId, region }: StackIdentity, parameter: string): unknown {
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  switch (parameter) {
    case 'AWS::AccountId':
      return accountId;
    case 'AWS::NoValue':
      return noValue;
    case 'AWS::NotificationARNs':
      return [];
    case 'AWS::Partition':
      return partition;
    case 'AWS::Region':
      return region;
    case 'AWS::StackId':
      return stackId;
    case 'AWS::StackName':
      return name;
    case 'AWS::URLSuffix':
      return partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
    default:
      throw new AwsError(
        'ValidationError',
        `Template format error: Unrecognized pseudo parameter ${parameter}`,
      );
  }
}

/** Every export of an account in a Region, with the stack that makes it. */
export function exportsOf(
  cloud: Cloud,
  owner: Pick<StackRecord, 'accountId' | 'region'>,
): Array<{ readonly name: string; readonly value: string; readonly stack: StackRecord }> {
  const stacks = tables(cloud.state).stacks.withTerm(`${owner.accountId}/${owner.region}/`, 'exports');
  return stacks.flatMap((stack) =>
    stack.outputs.flatMap(({ exportName, value }) =>
      exportName === undefined ? [] : [{ name: exportName, value, stack }],
    ),
  );
}

function exportedValue(cloud: Cloud, stack: StackIdentity, name: string): string {
  const found = exportsOf(cloud, stack).find((entry) => entry.name === name);
  if (!found) throw new AwsError('ValidationError', `No export named ${name} found.`);
  return found.value;
}
