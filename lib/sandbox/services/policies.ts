/**
 * Resource policies, judged for two questions: may this AWS service do that here, which services themselves ask before
 * they accept a setting, and may this principal assume that role? What else callers may do is not judged in the sandbox.
 * Source: "Policy evaluation logic" and "IAM JSON policy elements: Condition operators", IAM User Guide.
 */
import { AwsError } from '../model.ts';

interface Statement {
  readonly Sid?: string;
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly Action?: unknown;
  readonly NotAction?: unknown;
  readonly Resource?: unknown;
  readonly NotResource?: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface ServiceRequest {
  /** For example `logdelivery.elasticloadbalancing.amazonaws.com`. */
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  /** ARN and account of what the service acts for, where the service tells them. */
  readonly source?: { readonly arn: string; readonly accountId: string };
  /** Further condition keys of the call, for example `kms:EncryptionContext:aws:logs:arn`. */
  readonly context?: Readonly<Record<string, string>>;
}

const listOf = (value: unknown): unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The statements of a policy document. @throws AwsError with this code for what is not one. */
export function statementsOf(policy: string, malformedCode: string): Statement[] {
  const malformed = (reason: string) => new AwsError(malformedCode, reason);
  let document: unknown;
  try {
    document = JSON.parse(policy);
  } catch {
    throw malformed("Policies must be valid JSON and the first byte must be '{'");
  }
  const statements = isRecord(document) ? listOf(document['Statement']) : [];
  if (statements.length === 0 || !statements.every(isRecord))
    throw malformed('Missing required field Statement');
  for (const statement of statements as Statement[]) {
    if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny')
      throw malformed('Invalid effect: it is Allow or Deny');
    if (statement.Action === undefined && statement.NotAction === undefined)
      throw malformed('Missing required field Action');
    if (statement.Resource === undefined && statement.NotResource === undefined)
      throw malformed('Missing required field Resource');
  }
  return statements;
}

export const resourcesOf = (statement: Statement): unknown[] => [
  ...listOf(statement.Resource),
  ...listOf(statement.NotResource),
];

export const actionsOf = (statement: Statement): unknown[] => [
  ...listOf(statement.Action),
  ...listOf(statement.NotAction),
];

/** Whether the statement opens something to everybody ("The meaning of public", Amazon S3 User Guide). */
export function isPublic(statement: Statement): boolean {
  return (
    statement.Effect === 'Allow' && isEverybody(statement.Principal) && statement.Condition === undefined
  );
}

function isEverybody(principal: unknown): boolean {
  return principal === '*' || (isRecord(principal) && listOf(principal['AWS']).includes('*'));
}

/** Whether a policy lets an AWS service act: some statement allows it and none denies it. */
export function allowsService(statements: readonly Statement[], request: ServiceRequest): boolean {
  const { principal, action, resource } = request;
  return allows(statements, {
    isNamed: ({ Service }) => listOf(Service).includes(principal),
    action,
    resource,
    context: contextOf(request),
  });
}

/** Who wants to assume a role, and what goes with the request. */
export interface Assumption {
  /** `arn:aws:iam::<account>:root`, or the ARN of a user or of a role's session. */
  readonly principalArn: string;
  readonly accountId: string;
  readonly roleArn: string;
  readonly sessionName: string;
  readonly externalId: string | undefined;
  /** Of the session. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Whether a role's trust policy lets a principal assume the role. What the principal's own policies say is not judged.
 * Source: "AWS JSON policy elements: Principal" and "AWS global condition context keys", IAM User Guide.
 */
export function trusts(trustPolicy: string, assumption: Assumption): boolean {
  const { principalArn, accountId, externalId } = assumption;
  const [, session] = /^arn:aws:sts::\d{12}:assumed-role\/([^/]+)\//.exec(principalArn) ?? [];
  const ownArn = session === undefined ? principalArn : `arn:aws:iam::${accountId}:role/${session}`;
  const names = new Set([principalArn, ownArn, accountId, `arn:aws:iam::${accountId}:root`]);
  const { Statement } = JSON.parse(trustPolicy) as { Statement: unknown };
  return allows(listOf(Statement) as Statement[], {
    isNamed: ({ AWS }) => listOf(AWS).some((name) => names.has(withoutPath(String(name)))),
    action: 'sts:AssumeRole',
    resource: assumption.roleArn,
    context: lowerCased({
      'aws:SecureTransport': 'true',
      'aws:PrincipalIsAWSService': 'false',
      'aws:ViaAWSService': 'false',
      'aws:PrincipalArn': ownArn,
      'aws:PrincipalAccount': accountId,
      'sts:RoleSessionName': assumption.sessionName,
      ...(externalId !== undefined && { 'sts:ExternalId': externalId }),
      ...Object.fromEntries(
        Object.entries(assumption.tags).map(([key, value]) => [`aws:RequestTag/${key}`, value]),
      ),
    }),
  });
}

/** A session's ARN does not have the path of its role. */
const withoutPath = (arn: string) => arn.replace(/^(arn:aws:iam::\d{12}:role\/).*\//, '$1');

interface Question {
  readonly isNamed: (principal: Readonly<Record<string, unknown>>) => boolean;
  readonly action: string;
  readonly resource: string;
  readonly context: ReadonlyMap<string, string>;
}

/** Some statement allows it and none denies it. */
function allows(statements: readonly Statement[], question: Question): boolean {
  const applying = statements.filter((statement) => applies(statement, question));
  return (
    applying.some(({ Effect }) => Effect === 'Allow') && !applying.some(({ Effect }) => Effect === 'Deny')
  );
}

function applies(statement: Statement, request: Question): boolean {
  const { Principal, Action, NotAction, Resource, NotResource } = statement;
  const named = isEverybody(Principal) || (isRecord(Principal) && request.isNamed(Principal));
  // A trust policy names no resource: it is about the role that it belongs to.
  const isAboutAll = Resource === undefined && NotResource === undefined;
  return (
    named &&
    (NotAction === undefined
      ? anyMatches(Action, request.action, 'i')
      : !anyMatches(NotAction, request.action, 'i')) &&
    (isAboutAll ||
      (NotResource === undefined
        ? anyMatches(Resource, request.resource)
        : !anyMatches(NotResource, request.resource))) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => holds(operator, key, listOf(wanted), request.context)),
    )
  );
}

/** Actions are told apart whatever their case, ARNs are not. */
const anyMatches = (patterns: unknown, text: string, flags = '') =>
  listOf(patterns).some((pattern) => wildcard(String(pattern), flags).test(text));

function wildcard(pattern: string, flags = ''): RegExp {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`, `s${flags}`);
}

/** The condition keys of a call that a service makes over TLS. Their names know no case. */
function contextOf({ principal, source, context }: ServiceRequest): ReadonlyMap<string, string> {
  const keys = {
    'aws:SecureTransport': 'true',
    'aws:PrincipalIsAWSService': 'true',
    'aws:PrincipalServiceName': principal,
    'aws:ViaAWSService': 'false',
    ...(source && { 'aws:SourceArn': source.arn, 'aws:SourceAccount': source.accountId }),
    ...context,
  };
  return lowerCased(keys);
}

const lowerCased = (keys: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(keys).map(([key, value]) => [key.toLowerCase(), value]));

function holds(
  operator: string,
  key: string,
  wanted: unknown[],
  context: ReadonlyMap<string, string>,
): boolean {
  const [, name = '', optional] = /^(.*?)(IfExists)?$/.exec(operator) ?? [];
  const value = context.get(key.toLowerCase());
  if (name === 'Null') return wanted.some((one) => String(one) === String(value === undefined));
  const negated = name.includes('Not');
  // A key that the call lacks: "IfExists" and negated operators hold, others do not.
  if (value === undefined) return optional !== undefined || negated;
  const found = wanted.some((one) => compare(name, String(one), value));
  return negated ? !found : found;
}

function compare(operator: string, wanted: string, value: string): boolean {
  switch (operator.replace('Not', '')) {
    case 'StringEquals':
    case 'Bool':
      return wanted === value;
    case 'StringEqualsIgnoreCase':
      return wanted.toLowerCase() === value.toLowerCase();
    case 'StringLike':
    case 'ArnLike':
    case 'ArnEquals':
      return wildcard(wanted).test(value);
    default:
      throw new AwsError(
        'NotImplemented',
        `The sandbox cannot judge the condition operator ${operator} of a resource policy.`,
        501,
      );
  }
}
