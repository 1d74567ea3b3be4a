/** Roles, their inline policies and what is attached to them. Recorded: no call is refused for what a policy says. */
import type * as sdk from '@aws-sdk/client-iam';
import { generatedId, globalArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { requireRoom } from '../../quotas.ts';
import {
  checkAttachable,
  checkedDocument,
  checkSize,
  eraseRole,
  existingRole,
  findRole,
  limitExceeded,
  listRoles,
  noSuchEntity,
  putRole,
  type RoleRecord,
} from './records.ts';

/** "IAM and AWS STS quotas": characters of a trust policy, of all inline policies of a role, and managed policies of a role. */
const trustLimit = 2_048;
const inlineLimit = 10_240;
const attachedLimit = 10;

/** IAM's answers carry documents URL-encoded (RFC 3986). */
export const encoded = encodeURIComponent;

function shown({ Inline: _inline, Attached: _attached, ...role }: RoleRecord): sdk.Role {
  return { ...role, AssumeRolePolicyDocument: encoded(role.AssumeRolePolicyDocument) };
}

export function createRole(
  input: sdk.CreateRoleRequest,
  call: Call,
  token = call.requestId,
): { Role: sdk.Role } {
  const RoleName = input.RoleName ?? '';
  const RoleId = generatedId(token, 'AROA', 17, 'upper');
  const present = findRole(RoleName, call);
  if (present?.RoleId === RoleId) return { Role: shown(present) };
  if (present !== undefined)
    throw new AwsError('EntityAlreadyExists', `Role with name ${RoleName} already exists.`, 409);
  if (!/^[\w+=,.@-]{1,64}$/.test(RoleName)) {
    throw new AwsError(
      'ValidationError',
      `The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and be at most 64 characters long.`,
    );
  }
  requireRoom(call, 'roles');
  const Path = input.Path ?? '/';
  const role: RoleRecord = {
    Path,
    RoleName,
    RoleId,
    Arn: globalArn('iam', call, `role${Path}${RoleName}`),
    CreateDate: call.cloud.now(),
    AssumeRolePolicyDocument: checkedTrust(input.AssumeRolePolicyDocument),
    Description: input.Description,
    MaxSessionDuration: input.MaxSessionDuration ?? 3600,
    PermissionsBoundary: boundaryOf(input.PermissionsBoundary, call),
    Tags: input.Tags ?? [],
    Inline: {},
    Attached: [],
  };
  putRole(role, call);
  return { Role: shown(role) };
}

function checkedTrust(document: string | undefined): string {
  const checked = checkedDocument(document);
  checkSize(checked, trustLimit, 'ACLSizePerRole');
  return checked;
}

/** @throws AwsError NoSuchEntity for a boundary that is no policy. */
export function boundaryOf(arn: string | undefined, call: Call): sdk.AttachedPermissionsBoundary | undefined {
  if (arn === undefined) return undefined;
  try {
    checkAttachable(arn, call);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw noSuchEntity(`Scope ARN: ${arn} does not exist or is not attachable.`);
  }
  // The model's only name for it; on the wire AWS says `Policy`.
  return { PermissionsBoundaryType: 'PermissionsBoundaryPolicy', PermissionsBoundaryArn: arn };
}

export function getRole(input: sdk.GetRoleRequest, call: Call) {
  return { Role: shown(existingRole(input.RoleName, call)) };
}

export function listRolesPage(input: sdk.ListRolesRequest, call: Call) {
  const prefix = input.PathPrefix ?? '/';
  const roles = listRoles(call).filter((role) => role.Path?.startsWith(prefix));
  const page = pageOf(roles, { keyOf: (role) => role.RoleName ?? '', ...iamPage(input) });
  // "ListRoles" leaves out tags and the permissions boundary.
  return { Roles: page.items.map((role) => ({ ...shown(role), Tags: undefined })), ...truncation(page.next) };
}

interface PageInput {
  readonly Marker?: string | undefined;
  readonly MaxItems?: number | undefined;
}

export function iamPage(input: PageInput) {
  return { marker: input.Marker, limit: input.MaxItems ?? 100, invalidMarkerCode: 'ValidationError' };
}

export function truncation(next: string | undefined) {
  return { IsTruncated: next !== undefined, Marker: next };
}

export function deleteRole(input: sdk.DeleteRoleRequest, call: Call): void {
  const role = existingRole(input.RoleName, call);
  if (role.Attached.length > 0)
    throw new AwsError('DeleteConflict', 'Cannot delete entity, must detach all policies first.', 409);
  if (Object.keys(role.Inline).length > 0)
    throw new AwsError('DeleteConflict', 'Cannot delete entity, must delete policies first.', 409);
  eraseRole(role.RoleName ?? '', call);
}

export function updateAssumeRolePolicy(input: sdk.UpdateAssumeRolePolicyRequest, call: Call): void {
  const role = existingRole(input.RoleName, call);
  putRole({ ...role, AssumeRolePolicyDocument: checkedTrust(input.PolicyDocument) }, call);
}

export function updateRole(input: sdk.UpdateRoleRequest, call: Call) {
  const role = existingRole(input.RoleName, call);
  const MaxSessionDuration = input.MaxSessionDuration ?? role.MaxSessionDuration;
  putRole({ ...role, Description: input.Description ?? role.Description, MaxSessionDuration }, call);
  return {};
}

export function putRolePolicy(input: sdk.PutRolePolicyRequest, call: Call): void {
  const role = existingRole(input.RoleName, call);
  const document = checkedDocument(input.PolicyDocument);
  const Inline = { ...role.Inline, [input.PolicyName ?? '']: document };
  const size = Object.values(Inline).join('').replaceAll(/\s/g, '').length;
  if (size > inlineLimit)
    throw limitExceeded(`Maximum policy size of ${inlineLimit} bytes exceeded for role ${role.RoleName}`);
  putRole({ ...role, Inline }, call);
}

export function getRolePolicy({ RoleName, PolicyName = '' }: sdk.GetRolePolicyRequest, call: Call) {
  const document = existingRole(RoleName, call).Inline[PolicyName];
  if (document === undefined) throw noSuchEntity(`The role policy with name ${PolicyName} cannot be found.`);
  return { RoleName, PolicyName, PolicyDocument: encoded(document) };
}

export function listRolePolicies(input: sdk.ListRolePoliciesRequest, call: Call) {
  const names = Object.keys(existingRole(input.RoleName, call).Inline).sort();
  const page = pageOf(names, { keyOf: (name) => name, ...iamPage(input) });
  return { PolicyNames: page.items, ...truncation(page.next) };
}

export function deleteRolePolicy(
  { RoleName, PolicyName = '' }: sdk.DeleteRolePolicyRequest,
  call: Call,
): void {
  const role = existingRole(RoleName, call);
  if (role.Inline[PolicyName] === undefined)
    throw noSuchEntity(`The role policy with name ${PolicyName} cannot be found.`);
  const { [PolicyName]: _gone, ...Inline } = role.Inline;
  putRole({ ...role, Inline }, call);
}

export function attachRolePolicy(input: sdk.AttachRolePolicyRequest, call: Call): void {
  const role = existingRole(input.RoleName, call);
  const arn = input.PolicyArn ?? '';
  checkAttachable(arn, call);
  const Attached = [...new Set([...role.Attached, arn])];
  if (Attached.length > attachedLimit)
    throw limitExceeded(`Cannot exceed quota for PoliciesPerRole: ${attachedLimit}`);
  putRole({ ...role, Attached }, call);
}

export function detachRolePolicy(input: sdk.DetachRolePolicyRequest, call: Call): void {
  const role = existingRole(input.RoleName, call);
  if (!role.Attached.includes(input.PolicyArn ?? ''))
    throw noSuchEntity(`Policy ${input.PolicyArn} was not found.`);
  putRole({ ...role, Attached: role.Attached.filter((arn) => arn !== input.PolicyArn) }, call);
}

export function listAttachedRolePolicies(input: sdk.ListAttachedRolePoliciesRequest, call: Call) {
  const attached = [...existingRole(input.RoleName, call).Attached].sort();
  const page = pageOf(attached, { keyOf: (arn) => arn, ...iamPage(input) });
  const AttachedPolicies = page.items.map((PolicyArn) => ({
    PolicyArn,
    PolicyName: PolicyArn.split('/').at(-1),
  }));
  return { AttachedPolicies, ...truncation(page.next) };
}

export function tagRole(input: sdk.TagRoleRequest, call: Call): void {
  const role = existingRole(input.RoleName, call);
  const named = new Set(input.Tags?.map((tag) => tag.Key));
  putRole(
    { ...role, Tags: [...role.Tags.filter((tag) => !named.has(tag.Key)), ...(input.Tags ?? [])] },
    call,
  );
}

export function untagRole(input: sdk.UntagRoleRequest, call: Call): void {
  const role = existingRole(input.RoleName, call);
  putRole({ ...role, Tags: role.Tags.filter((tag) => !input.TagKeys?.includes(tag.Key ?? '')) }, call);
}

export function listRoleTags(input: sdk.ListRoleTagsRequest, call: Call) {
  return { Tags: existingRole(input.RoleName, call).Tags, IsTruncated: false };
}
