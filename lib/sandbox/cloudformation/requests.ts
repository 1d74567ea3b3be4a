import { randomUUID } from 'node:crypto';
import { recordKey } from '../identifiers.ts';
import { AwsError, type Call } from '../model.ts';
import { roleByArn } from '../services/iam/records.ts';
import { type Plan, planChanges } from './changes.ts';
import { validationFailure } from './deployment.ts';
import { enterStatus } from './events.ts';
import { checkReferences } from './graph.ts';
import { type GivenParameter, resolveParameters } from './parameters.ts';
import {
  type ChangeSetRecord,
  type OperationRecord,
  type StackContent,
  type StackRecord,
  stackKey,
  tables,
} from './records.ts';
import type { Runner } from './runner.ts';
import { hasAttribute, typeExists } from './specification.ts';
import { parseTemplate, requiredCapability, type Template } from './template.ts';

export const invalid = (message: string) => new AwsError('ValidationError', message);

/** What the API's operations work with. */
export interface Api {
  readonly runner: Runner;
  readonly isEmulated: (type: string) => boolean;
}

/** Finds a stack by its name, or by its ARN even after its deletion. */
export function findStack(call: Call, nameOrId: string | undefined): StackRecord | undefined {
  const { stacks, names } = tables(call.cloud.state);
  const prefix = `${call.accountId}/${call.region}/`;
  const id = nameOrId?.startsWith('arn:') ? nameOrId : names.get(prefix + nameOrId);
  if (id === undefined) return undefined;
  const key = stackKey(id);
  return key.startsWith(prefix) ? stacks.get(key) : undefined;
}

export function requireStackOf(
  call: Call,
  nameOrId: string | undefined,
  words: (name: string) => string,
): StackRecord {
  const stack = findStack(call, nameOrId);
  if (!stack) throw invalid(words(nameOrId ?? ''));
  return stack;
}

export const changeSetKey = (stack: Pick<StackRecord, 'stackId'>, name: string) =>
  `${stackKey(stack.stackId)}/${name}`;

/** By its ARN, or by its name and its stack's name or id. */
export function findChangeSet(
  call: Call,
  name: string,
  stackName: string | undefined,
): ChangeSetRecord | undefined {
  const { changeSets } = tables(call.cloud.state);
  if (name.startsWith('arn:')) return changeSets.withTerm(recordKey(call), name)[0];
  const stack = findStack(call, stackName);
  return stack === undefined ? undefined : changeSets.get(changeSetKey(stack, name));
}

/** The two ways in which CloudFormation says that a stack is not there. */
export const withId = (name: string) => `Stack with id ${name} does not exist`;
export const inBrackets = (name: string) => `Stack [${name}] does not exist`;

export function checkName(value: string, member: string): void {
  if (/^[a-zA-Z][-a-zA-Z0-9]{0,127}$/.test(value)) return;
  throw invalid(
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*`,
  );
}

/** The parts of a request that say what a stack is to become. */
export interface ContentInput {
  readonly TemplateBody?: string | undefined;
  readonly TemplateURL?: string | undefined;
  readonly UsePreviousTemplate?: boolean | undefined;
  readonly Parameters?: readonly GivenParameter[] | undefined;
  readonly Capabilities?: readonly string[] | undefined;
  readonly Tags?:
    | ReadonlyArray<{ readonly Key?: string | undefined; readonly Value?: string | undefined }>
    | undefined;
}

/** Request members that would have an effect on AWS and have none here: refused rather than ignored. */
export function refuseUnsupported(input: object, members: readonly string[]): void {
  for (const member of members) {
    const value = (input as Record<string, unknown>)[member];
    const isEmpty = value === undefined || value === false || (Array.isArray(value) && value.length === 0);
    if (!isEmpty) throw invalid(`The sandbox does not support ${member}.`);
  }
}

export function templateBodyOf(input: ContentInput, previous: StackRecord | undefined): string {
  const { TemplateBody: body, TemplateURL: url, UsePreviousTemplate: usePrevious } = input;
  if (url !== undefined)
    throw invalid('The sandbox does not support TemplateURL: give the template as TemplateBody.');
  if (usePrevious && body === undefined) {
    if (!previous?.templateBody) throw invalid('No previous template to use.');
    return previous.templateBody;
  }
  if (body === undefined || usePrevious) {
    throw invalid('Either Template URL or Template Body must be specified.');
  }
  return body;
}

/**
 * Reads and checks what a stack is to become.
 *
 * @param previous the stack that there is, for previous values, template and tags.
 */
export function contentOf(api: Api, input: ContentInput, previous: StackRecord | undefined): StackContent {
  const templateBody = templateBodyOf(input, previous);
  const template = checkedTemplate(api, templateBody);
  const capability = requiredCapability(template);
  const given = input.Capabilities ?? [];
  if (capability && !given.includes(capability) && !given.includes('CAPABILITY_NAMED_IAM')) {
    throw new AwsError('InsufficientCapabilitiesException', `Requires capabilities : [${capability}]`);
  }
  const parameters = resolveParameters(template, input.Parameters ?? [], previous?.parameters);
  return { templateBody, parameters, tags: input.Tags ? tagsOf(input.Tags) : (previous?.tags ?? {}) };
}

export function checkedTemplate(api: Api, body: string): Template {
  const template = parseTemplate(body);
  const types = [...new Set(Object.values(template.Resources).map(({ Type }) => Type))];
  const strange = types.filter((type) => !typeExists(type));
  if (strange.length > 0)
    throw invalid(`Template format error: Unrecognized resource types: [${strange.join(', ')}]`);
  const missing = types.filter((type) => !api.isEmulated(type));
  if (missing.length > 0) {
    throw invalid(
      `Template format error: the sandbox does not emulate the resource types [${missing.join(', ')}]`,
    );
  }
  checkReferences(template, hasAttribute);
  return template;
}

function tagsOf(tags: NonNullable<ContentInput['Tags']>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const { Key = '', Value = '' } of tags) {
    if (Key.startsWith('aws:'))
      throw invalid('Tag keys must not start with aws:, which is reserved for AWS use.');
    if (Object.hasOwn(result, Key)) throw invalid(`Duplicate tag keys found: ${Key}`);
    result[Key] = Value;
  }
  return result;
}

/** Plans what becoming `content` does, and refuses properties that the resource specification does not allow. */
export function planOrRefuse(call: Call, stack: StackRecord, content: StackContent, isNew: boolean): Plan {
  const plan = planChanges(call.cloud, stack, content, isNew);
  const [first] = plan.problems;
  if (first) throw validationFailure(first.logicalId, first.problems);
  return plan;
}

export const hasNoChanges = (plan: Plan) => plan.changes.length === 0 && !plan.outputsChange;

/** Statuses from which a stack can be updated. */
const updatable = new Set(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE']);

export function requireUpdatable(stack: StackRecord): void {
  if (!updatable.has(stack.status)) {
    throw invalid(`Stack:${stack.stackId} is in ${stack.status} state and can not be updated.`);
  }
}

/** The role that CloudFormation is to act as has to be there and trust CloudFormation; what it may do is not evaluated. */
export function requireRole(call: Call, roleArn: string | undefined): void {
  if (roleArn === undefined) return;
  const role = roleByArn(roleArn, call);
  if (!role?.AssumeRolePolicyDocument.includes('cloudformation.amazonaws.com'))
    throw invalid(`Role ${roleArn} is invalid or cannot be assumed`);
}

/** A stack that nobody has heard of yet; nothing is written. */
export function newStack(call: Call, name: string): StackRecord {
  return {
    stackId: `arn:aws:cloudformation:${call.region}:${call.accountId}:stack/${name}/${randomUUID()}`,
    name,
    accountId: call.accountId,
    region: call.region,
    principalArn: call.principalArn,
    status: 'REVIEW_IN_PROGRESS',
    creationTime: call.cloud.now(),
    templateBody: '',
    parameters: {},
    tags: {},
    capabilities: [],
    disableRollback: false,
    terminationProtection: false,
    outputs: [],
    imports: [],
  };
}

export function addStack(call: Call, stack: StackRecord): void {
  const { stacks, names } = tables(call.cloud.state);
  stacks.put(stackKey(stack.stackId), stack);
  names.put(`${stack.accountId}/${stack.region}/${stack.name}`, stack.stackId);
}

/** Notes a new operation of a stack with its first event, and begins it. */
export function beginOperation(
  api: Api,
  call: Call,
  stack: StackRecord,
  operation: Omit<OperationRecord, 'id' | 'phase' | 'retain' | 'failed'> &
    Partial<Pick<OperationRecord, 'retain'>>,
  change: Partial<StackRecord> = {},
): void {
  const { cloud } = call;
  const status = { create: 'CREATE_IN_PROGRESS', update: 'UPDATE_IN_PROGRESS', delete: 'DELETE_IN_PROGRESS' }[
    operation.kind
  ];
  enterStatus(cloud, stack.stackId, status, 'User Initiated', {
    ...change,
    operation: { retain: [], ...operation, id: randomUUID(), phase: 'work', failed: [] },
  });
  api.runner.start(cloud, stack.stackId);
}

/**
 * Makes a call that carries a client request token happen once: the same token with the same request returns what the
 * first call returned and joins its operation; with another request it is refused.
 */
export function once(call: Call, token: string | undefined, use: string, work: () => string): string {
  if (token === undefined) return work();
  const { tokens } = tables(call.cloud.state);
  const key = `${call.accountId}/${call.region}/${token}`;
  const known = tokens.get(key);
  if (known && known.use !== use) {
    throw new AwsError(
      'TokenAlreadyExistsException',
      `Token ${token} already exists: it was used for another request.`,
    );
  }
  if (known) return known.result;
  return call.cloud.state.transaction(() => {
    const result = work();
    tokens.put(key, { use, result });
    return result;
  });
}
