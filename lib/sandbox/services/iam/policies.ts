/** Managed policies, with one version: the sandbox keeps the newest document only. */
import type * as sdk from '@aws-sdk/client-iam';
import { generatedId, globalArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import {
  checkedDocument,
  checkSize,
  countRoles,
  erasePolicy,
  existingPolicy,
  findPolicy,
  listPolicies,
  noSuchEntity,
  type PolicyRecord,
  putPolicy,
} from './records.ts';
import { encoded, iamPage, truncation } from './roles.ts';

export function shown({ Document: _document, ...policy }: PolicyRecord, call: Call): sdk.Policy {
  return {
    ...policy,
    AttachmentCount: countRoles('attached', policy.Arn, call),
    PermissionsBoundaryUsageCount: countRoles('bounded', policy.Arn, call),
  };
}

/** "IAM and AWS STS quotas": characters of a managed policy. */
const policyLimit = 6_144;

function checkedPolicy(document: string | undefined): string {
  const checked = checkedDocument(document);
  checkSize(checked, policyLimit, 'PolicySize');
  return checked;
}

export function createPolicy(input: sdk.CreatePolicyRequest, call: Call, token = call.requestId) {
  const Path = input.Path ?? '/';
  const Arn = globalArn('iam', call, `policy${Path}${input.PolicyName}`);
  const PolicyId = generatedId(token, 'ANPA', 17, 'upper');
  const present = findPolicy(Arn, call);
  if (present !== undefined && present.PolicyId !== PolicyId)
    throw new AwsError(
      'EntityAlreadyExists',
      `A policy called ${input.PolicyName} already exists. Duplicate names are not allowed.`,
      409,
    );
  const policy: PolicyRecord = present ?? {
    Arn,
    Path,
    PolicyName: input.PolicyName,
    PolicyId,
    DefaultVersionId: 'v1',
    IsAttachable: true,
    Description: input.Description,
    CreateDate: call.cloud.now(),
    UpdateDate: call.cloud.now(),
    Document: checkedPolicy(input.PolicyDocument),
    Tags: input.Tags ?? [],
  };
  putPolicy(policy, call);
  return { Policy: shown(policy, call) };
}

/** What CloudFormation does when a managed policy's document changes. */
export function replaceDocument(arn: string, document: string | undefined, call: Call): void {
  const policy = existingPolicy(arn, call);
  const version = Number(policy.DefaultVersionId?.slice(1) ?? 1) + 1;
  const Document = checkedPolicy(document);
  putPolicy({ ...policy, Document, DefaultVersionId: `v${version}`, UpdateDate: call.cloud.now() }, call);
}

export function getPolicy(input: sdk.GetPolicyRequest, call: Call) {
  return { Policy: shown(existingPolicy(input.PolicyArn, call), call) };
}

export function getPolicyVersion(input: sdk.GetPolicyVersionRequest, call: Call) {
  const policy = existingPolicy(input.PolicyArn, call);
  if (input.VersionId !== policy.DefaultVersionId)
    throw noSuchEntity(
      `Policy ${policy.Arn} version ${input.VersionId} does not exist or is not attachable.`,
    );
  return {
    PolicyVersion: {
      Document: encoded(policy.Document),
      VersionId: policy.DefaultVersionId,
      IsDefaultVersion: true,
      CreateDate: policy.UpdateDate,
    },
  };
}

export function listPoliciesPage(input: sdk.ListPoliciesRequest, call: Call) {
  const own = input.Scope === 'AWS' ? [] : listPolicies(call);
  const page = pageOf(own, { keyOf: (policy) => policy.Arn, ...iamPage(input) });
  return { Policies: page.items.map((policy) => shown(policy, call)), ...truncation(page.next) };
}

export function deletePolicy(input: sdk.DeletePolicyRequest, call: Call): void {
  const policy = existingPolicy(input.PolicyArn, call);
  if (countRoles('attached', policy.Arn, call) + countRoles('bounded', policy.Arn, call) > 0)
    throw new AwsError('DeleteConflict', 'Cannot delete a policy attached to entities.', 409);
  erasePolicy(policy.Arn, call);
}
