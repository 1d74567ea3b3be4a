/** Roles and policies as they are kept. IAM has no Region: keys say `aws-global`. */
import type { Policy, Role, Tag } from '@aws-sdk/client-iam';
import { recordKey } from '../../identifiers.ts';
import { indexedTable } from '../../indexed-table.ts';
import { AwsError, type Call, type Table } from '../../model.ts';

export type RoleRecord = Role & {
  /** As it was given: JSON, not URL-encoded. */
  readonly AssumeRolePolicyDocument: string;
  readonly Inline: Readonly<Record<string, string>>;
  readonly Attached: readonly string[];
  readonly Tags: Tag[];
};

export type PolicyRecord = Policy & { Arn: string; Document: string; Tags: Tag[] };

/** Roles are found by their policies and their boundary. */
const roleTable = ({ cloud: { state } }: Call) => {
  const name = 'iam.roles';
  const termsOf = ({ Attached, PermissionsBoundary }: RoleRecord) => [
    ...Attached.map((arn) => `attached:${arn}`),
    PermissionsBoundary && `bounded:${PermissionsBoundary.PermissionsBoundaryArn}`,
  ];
  return indexedTable<RoleRecord>(state, { name, table: state.table(name), termsOf, version: 1 });
};
const policyTable = (call: Call): Table<PolicyRecord> => call.cloud.state.table('iam.policies');
const keyOf = (call: Call, id = '') => recordKey({ accountId: call.accountId, region: 'aws-global' }, id);

export const listRoles = (call: Call) => roleTable(call).list(keyOf(call));
/** How many roles have the policy attached, or have it as their permissions boundary. */
export const countRoles = (how: 'attached' | 'bounded', policyArn: string, call: Call) =>
  roleTable(call).withTerm(keyOf(call), `${how}:${policyArn}`).length;
export const findRole = (name: string, call: Call) => roleTable(call).get(keyOf(call, name));
export const putRole = (role: RoleRecord, call: Call) =>
  roleTable(call).put(keyOf(call, role.RoleName), role);
export const eraseRole = (name: string, call: Call) => roleTable(call).delete(keyOf(call, name));

/** A role by its ARN, path and all. */
export function roleByArn(arn: string, call: Call): RoleRecord | undefined {
  const role = findRole(arn.slice(arn.lastIndexOf('/') + 1), call);
  return role?.Arn === arn ? role : undefined;
}

export function existingRole(name: string | undefined, call: Call): RoleRecord {
  const role = findRole(name ?? '', call);
  if (role === undefined) throw noSuchEntity(`The role with name ${name} cannot be found.`);
  return role;
}

export const listPolicies = (call: Call) => policyTable(call).list(keyOf(call));
export const findPolicy = (arn: string, call: Call) => policyTable(call).get(keyOf(call, arn));
export const putPolicy = (policy: PolicyRecord, call: Call) =>
  policyTable(call).put(keyOf(call, policy.Arn), policy);
export const erasePolicy = (arn: string, call: Call) => policyTable(call).delete(keyOf(call, arn));

export function existingPolicy(arn: string | undefined, call: Call): PolicyRecord {
  const policy = findPolicy(arn ?? '', call);
  if (policy === undefined) throw noSuchEntity(`Policy ${arn} was not found.`);
  return policy;
}

export function noSuchEntity(message: string): AwsError {
  return new AwsError('NoSuchEntity', message, 404);
}

/** A policy document that IAM's parser would take: JSON, a version, and statements with an effect and actions. */
export function checkedDocument(document: string | undefined): string {
  let parsed: { Version?: unknown; Statement?: unknown };
  try {
    parsed = JSON.parse(document ?? '') as typeof parsed;
  } catch {
    throw malformed('Syntax errors in policy.');
  }
  if (parsed.Version !== '2012-10-17' && parsed.Version !== '2008-10-17')
    throw malformed('The policy must contain a valid version string.');
  const statements = [parsed.Statement].flat() as Array<Record<string, unknown> | undefined>;
  if (statements.length === 0) throw malformed('Syntax errors in policy.');
  for (const statement of statements) {
    if (statement?.['Effect'] !== 'Allow' && statement?.['Effect'] !== 'Deny')
      throw malformed(`Missing required field Effect`);
    if (statement['Action'] === undefined && statement['NotAction'] === undefined)
      throw malformed('Policy statement must contain actions.');
  }
  return document ?? '';
}

/** Characters without whitespace, as IAM counts a policy ("IAM and AWS STS quotas"). */
export function checkSize(document: string, limit: number, quota: string): void {
  const size = document.replaceAll(/\s/g, '').length;
  if (size > limit)
    throw limitExceeded(`Cannot exceed quota for ${quota}: ${limit} (the policy has ${size})`);
}

export function limitExceeded(message: string): AwsError {
  return new AwsError('LimitExceeded', message, 409);
}

/** AWS's own policies that the sandbox knows by name; it keeps no copy of what they say. */
const awsManagedPolicies = new Set(
  [
    'AdministratorAccess',
    'PowerUserAccess',
    'ReadOnlyAccess',
    'SecurityAudit',
    'job-function/ViewOnlyAccess',
    'CloudWatchReadOnlyAccess',
    'AWSBackupServiceRolePolicyForS3Backup',
    'AWSBackupServiceRolePolicyForS3Restore',
    'service-role/AWSBackupServiceRolePolicyForBackup',
    'service-role/AWSBackupServiceRolePolicyForRestores',
    'service-role/AmazonECSTaskExecutionRolePolicy',
    'service-role/AmazonRDSEnhancedMonitoringRole',
  ].map((name) => `arn:aws:iam::aws:policy/${name}`),
);

/** @throws AwsError NoSuchEntity for a policy that is neither the account's nor one of AWS's that the sandbox knows. */
export function checkAttachable(arn: string, call: Call): void {
  if (awsManagedPolicies.has(arn)) return;
  if (arn.startsWith('arn:aws:iam::aws:policy/'))
    throw noSuchEntity(`Policy ${arn} does not exist, or is none of those of AWS that the sandbox knows.`);
  existingPolicy(arn, call);
}

function malformed(message: string): AwsError {
  return new AwsError('MalformedPolicyDocument', message);
}
