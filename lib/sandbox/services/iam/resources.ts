/** Roles and policies in CloudFormation. Recorded: what they allow is looked up for sign-ins to databases only (`permissions.ts`). */
import { generatedName } from '../../identifiers.ts';
import { AwsError, type ResourceContext, type ResourceHandler } from '../../model.ts';
import { listOf, numberOf, tagListOf, textOf } from '../properties.ts';
import * as policies from './policies.ts';
import {
  existingPolicy,
  existingRole,
  findPolicy,
  findRole,
  listRoles,
  putPolicy,
  putRole,
  type RoleRecord,
} from './records.ts';
import * as roles from './roles.ts';

type Properties = Record<string, unknown>;

interface InlinePolicy {
  readonly PolicyName: string;
  readonly PolicyDocument: unknown;
}

const inlineNames = (p: Properties) => listOf<InlinePolicy>(p['Policies']).map((policy) => policy.PolicyName);

/** Makes the role what the template says; inline policies that other resources put on it stay. */
function applyRole(RoleName: string, p: Properties, previous: Properties, c: ResourceContext) {
  c.cloud.state.transaction(() => {
    for (const policy of listOf<InlinePolicy>(p['Policies'])) {
      const PolicyDocument = textOf(policy.PolicyDocument);
      roles.putRolePolicy({ RoleName, PolicyName: policy.PolicyName, PolicyDocument }, c);
    }
    for (const PolicyName of inlineNames(previous))
      if (!inlineNames(p).includes(PolicyName)) roles.deleteRolePolicy({ RoleName, PolicyName }, c);
    const wanted = listOf(p['ManagedPolicyArns']);
    for (const PolicyArn of wanted) roles.attachRolePolicy({ RoleName, PolicyArn }, c);
    for (const PolicyArn of listOf(previous['ManagedPolicyArns']))
      if (!wanted.includes(PolicyArn)) roles.detachRolePolicy({ RoleName, PolicyArn }, c);
    roles.updateAssumeRolePolicy({ RoleName, PolicyDocument: textOf(p['AssumeRolePolicyDocument']) }, c);
    putRole(
      {
        ...existingRole(RoleName, c),
        Description: textOf(p['Description']),
        MaxSessionDuration: numberOf(p['MaxSessionDuration']) ?? 3600,
        PermissionsBoundary: roles.boundaryOf(textOf(p['PermissionsBoundary']), c),
        Tags: tagListOf(p, c),
      },
      c,
    );
  });
  const { Arn, RoleId } = existingRole(RoleName, c);
  return { physicalId: RoleName, attributes: { Arn, RoleId } };
}

/** Inline policies that resources of their own put on the role are looked at as such, so only the template's own count. */
function liveRole(role: RoleRecord, p: Properties): Properties {
  const own = inlineNames(p).filter((name) => role.Inline[name] !== undefined);
  return {
    RoleName: role.RoleName,
    Path: role.Path,
    Description: role.Description,
    MaxSessionDuration: role.MaxSessionDuration,
    PermissionsBoundary: role.PermissionsBoundary?.PermissionsBoundaryArn,
    AssumeRolePolicyDocument: JSON.parse(role.AssumeRolePolicyDocument) as unknown,
    ManagedPolicyArns: [...role.Attached],
    Policies: own.map((PolicyName) => ({
      PolicyName,
      PolicyDocument: JSON.parse(role.Inline[PolicyName] ?? '{}') as unknown,
    })),
    Tags: role.Tags,
  };
}

const role: ResourceHandler = {
  type: 'AWS::IAM::Role',
  fidelity: 'recorded',
  create(p, c) {
    const RoleName = textOf(p['RoleName']) ?? generatedName(c, 64);
    const input = {
      RoleName,
      Path: textOf(p['Path']),
      AssumeRolePolicyDocument: textOf(p['AssumeRolePolicyDocument']),
      PermissionsBoundary: textOf(p['PermissionsBoundary']),
    };
    roles.createRole(input, c, c.token);
    return applyRole(RoleName, p, {}, c);
  },
  update: (physicalId, p, previous, c) => applyRole(physicalId, p, previous, c),
  read(RoleName, p, c) {
    const role = findRole(RoleName, c);
    return Promise.resolve(role && liveRole(role, p));
  },
  delete(RoleName, p, c) {
    const present = findRole(RoleName, c);
    if (present === undefined) return;
    const Inline = Object.fromEntries(
      Object.entries(present.Inline).filter(([name]) => !inlineNames(p).includes(name)),
    );
    const Attached = present.Attached.filter((arn) => !listOf(p['ManagedPolicyArns']).includes(arn));
    c.cloud.state.transaction(() => {
      putRole({ ...present, Inline, Attached }, c);
      roles.deleteRole({ RoleName }, c);
    });
  },
};

/** The sandbox has no users and no groups, so a policy can belong to roles only. */
function refusePrincipals(p: Properties): void {
  if (listOf(p['Users']).length + listOf(p['Groups']).length > 0)
    throw new AwsError(
      'NoSuchEntity',
      'The sandbox has no IAM users or groups. Attach the policy to roles.',
      404,
    );
}

const policy: ResourceHandler = {
  type: 'AWS::IAM::Policy',
  fidelity: 'recorded',
  create(p, c) {
    refusePrincipals(p);
    const PolicyName = textOf(p['PolicyName']) ?? '';
    const PolicyDocument = textOf(p['PolicyDocument']);
    for (const RoleName of listOf(p['Roles']))
      roles.putRolePolicy({ RoleName, PolicyName, PolicyDocument }, c);
    const physicalId = generatedName(c, 128);
    return { physicalId, attributes: { Id: physicalId } };
  },
  update(physicalId, p, previous, c) {
    void this.create(p, c);
    const kept = (name: string) =>
      listOf(p['Roles']).includes(name) && p['PolicyName'] === previous['PolicyName'];
    dropInline(
      listOf(previous['Roles']).filter((name) => !kept(name)),
      textOf(previous['PolicyName']) ?? '',
      c,
    );
    return { physicalId, attributes: { Id: physicalId } };
  },
  read(_physicalId, p, c) {
    const name = textOf(p['PolicyName']) ?? '';
    const documents = listOf(p['Roles']).flatMap((role) => findRole(role, c)?.Inline[name] ?? []);
    const differing = documents.find((document) => document !== textOf(p['PolicyDocument']));
    const [document] = differing === undefined ? documents : [differing];
    const holders = listOf(p['Roles']).filter((role) => findRole(role, c)?.Inline[name] !== undefined);
    return Promise.resolve(
      document === undefined
        ? undefined
        : { PolicyName: name, PolicyDocument: JSON.parse(document) as unknown, Roles: holders },
    );
  },
  delete: (_physicalId, p, c) => dropInline(listOf(p['Roles']), textOf(p['PolicyName']) ?? '', c),
};

function dropInline(roleNames: readonly string[], PolicyName: string, c: ResourceContext): void {
  for (const RoleName of roleNames)
    if (findRole(RoleName, c)?.Inline[PolicyName] !== undefined)
      roles.deleteRolePolicy({ RoleName, PolicyName }, c);
}

const managedPolicy: ResourceHandler = {
  type: 'AWS::IAM::ManagedPolicy',
  fidelity: 'recorded',
  create(p, c) {
    refusePrincipals(p);
    const input = {
      PolicyName: textOf(p['ManagedPolicyName']) ?? generatedName(c, 128),
      Path: textOf(p['Path']),
      Description: textOf(p['Description']),
      PolicyDocument: textOf(p['PolicyDocument']),
    };
    const PolicyArn = policies.createPolicy(input, c, c.token).Policy.Arn ?? '';
    for (const RoleName of listOf(p['Roles'])) roles.attachRolePolicy({ RoleName, PolicyArn }, c);
    return policyOutcome(PolicyArn, c);
  },
  update(PolicyArn, p, previous, c) {
    refusePrincipals(p);
    policies.replaceDocument(PolicyArn, textOf(p['PolicyDocument']), c);
    for (const RoleName of listOf(p['Roles'])) roles.attachRolePolicy({ RoleName, PolicyArn }, c);
    for (const RoleName of listOf(previous['Roles']))
      if (!listOf(p['Roles']).includes(RoleName)) roles.detachRolePolicy({ RoleName, PolicyArn }, c);
    return policyOutcome(PolicyArn, c);
  },
  read(PolicyArn, p, c) {
    const record = findPolicy(PolicyArn, c);
    const attached = (name: string) => findRole(name, c)?.Attached.includes(PolicyArn) === true;
    return Promise.resolve(
      record && {
        ManagedPolicyName: record.PolicyName,
        Path: record.Path,
        Description: record.Description,
        PolicyDocument: JSON.parse(record.Document) as unknown,
        Roles: listOf(p['Roles']).filter(attached),
      },
    );
  },
  delete(PolicyArn, p, c) {
    if (findPolicy(PolicyArn, c) === undefined) return;
    c.cloud.state.transaction(() => {
      for (const present of listRoles(c))
        if (listOf(p['Roles']).includes(present.RoleName ?? ''))
          putRole({ ...present, Attached: present.Attached.filter((arn) => arn !== PolicyArn) }, c);
      policies.deletePolicy({ PolicyArn }, c);
    });
  },
};

function policyOutcome(PolicyArn: string, c: ResourceContext) {
  const record = existingPolicy(PolicyArn, c);
  putPolicy({ ...record, Tags: tagListOf({}, c) }, c);
  const { PolicyId, DefaultVersionId, CreateDate, UpdateDate, ...counts } = policies.shown(record, c);
  return {
    physicalId: PolicyArn,
    attributes: {
      PolicyArn,
      PolicyId,
      DefaultVersionId,
      CreateDate: CreateDate?.toISOString(),
      UpdateDate: UpdateDate?.toISOString(),
      IsAttachable: counts.IsAttachable,
      AttachmentCount: counts.AttachmentCount,
      PermissionsBoundaryUsageCount: counts.PermissionsBoundaryUsageCount,
    },
  };
}

export const resources: readonly ResourceHandler[] = [role, policy, managedPolicy];
