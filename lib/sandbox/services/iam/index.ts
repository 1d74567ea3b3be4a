/** AWS Identity and Access Management: roles and policies, recorded and described, never evaluated. */
import * as sdk from '@aws-sdk/client-iam';
import type { ServiceEmulation } from '../../model.ts';
import * as policies from './policies.ts';
import * as roles from './roles.ts';

export { resources } from './resources.ts';

export const service: ServiceEmulation = {
  signingName: 'iam',
  sdk,
  operations: {
    CreateRole: (input: sdk.CreateRoleRequest, call) => roles.createRole(input, call),
    GetRole: roles.getRole,
    ListRoles: roles.listRolesPage,
    DeleteRole: roles.deleteRole,
    UpdateRole: roles.updateRole,
    UpdateAssumeRolePolicy: roles.updateAssumeRolePolicy,
    PutRolePolicy: roles.putRolePolicy,
    GetRolePolicy: roles.getRolePolicy,
    ListRolePolicies: roles.listRolePolicies,
    DeleteRolePolicy: roles.deleteRolePolicy,
    AttachRolePolicy: roles.attachRolePolicy,
    DetachRolePolicy: roles.detachRolePolicy,
    ListAttachedRolePolicies: roles.listAttachedRolePolicies,
    TagRole: roles.tagRole,
    UntagRole: roles.untagRole,
    ListRoleTags: roles.listRoleTags,
    CreatePolicy: (input: sdk.CreatePolicyRequest, call) => policies.createPolicy(input, call),
    GetPolicy: policies.getPolicy,
    GetPolicyVersion: policies.getPolicyVersion,
    ListPolicies: policies.listPoliciesPage,
    DeletePolicy: policies.deletePolicy,
  },
};
