/**
 * Security groups. Each rule is a record of its own, as `DescribeSecurityGroupRules` shows it; the grouped
 * `IpPermissions` of a group are derived from its rules.
 */
import type {
  AuthorizeSecurityGroupEgressRequest,
  AuthorizeSecurityGroupIngressRequest,
  CreateSecurityGroupRequest,
  DeleteSecurityGroupRequest,
  DescribeSecurityGroupRulesRequest,
  DescribeSecurityGroupsRequest,
  IpPermission,
  RevokeSecurityGroupEgressRequest,
  RevokeSecurityGroupIngressRequest,
  SecurityGroup,
  SecurityGroupRule,
} from '@aws-sdk/client-ec2';
import { generatedId, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { requireRoom } from '../../quotas.ts';
import {
  type SecurityGroupRecord,
  type SecurityGroupRuleRecord,
  securityGroupRules,
  securityGroups,
  vpcs,
} from './kinds.ts';
import { describe, erase, existing, find, isNeeded, put, related, specifiedTags } from './records.ts';

export type RuleContent = Pick<
  SecurityGroupRule,
  | 'IpProtocol'
  | 'FromPort'
  | 'ToPort'
  | 'CidrIpv4'
  | 'CidrIpv6'
  | 'PrefixListId'
  | 'ReferencedGroupInfo'
  | 'Description'
>;

export function createSecurityGroup(
  input: CreateSecurityGroupRequest,
  call: Call,
  token = call.requestId,
  ruleOwner = token,
) {
  const GroupId = generatedId(token, 'sg-', 17);
  const made = find(securityGroups, GroupId, call);
  if (made !== undefined) return { GroupId, SecurityGroupArn: made.SecurityGroupArn, Tags: made.Tags };

  const vpc = existing(vpcs, input.VpcId, call);
  const GroupName = input.GroupName ?? '';
  if (GroupName.startsWith('sg-'))
    throw new AwsError(
      'InvalidParameterValue',
      'Value for parameter GroupName is invalid. It may not begin with sg-.',
    );
  requireRoom(call, 'securityGroups');
  if (
    related(securityGroups, vpc.VpcId, call).some(
      (group) => group.VpcId === vpc.VpcId && group.GroupName === GroupName,
    )
  ) {
    throw new AwsError(
      'InvalidGroup.Duplicate',
      `The security group '${GroupName}' already exists for VPC '${vpc.VpcId}'`,
    );
  }
  const group: SecurityGroupRecord = {
    GroupId,
    GroupName,
    Description: input.Description,
    VpcId: vpc.VpcId,
    OwnerId: call.accountId,
    SecurityGroupArn: regionalArn('ec2', call, `security-group/${GroupId}`),
    Tags: specifiedTags(input.TagSpecifications, 'security-group'),
    IsDefault: false,
  };
  call.cloud.state.transaction(() => {
    put(securityGroups, group, call);
    putRule(GroupId, true, everythingOut, call, ruleOwner);
  });
  return { GroupId, SecurityGroupArn: group.SecurityGroupArn, Tags: group.Tags };
}

const everythingOut: RuleContent = { IpProtocol: '-1', FromPort: -1, ToPort: -1, CidrIpv4: '0.0.0.0/0' };

/** A VPC's default group lets its members talk to each other and everything out ("Default security groups"). */
export function putDefaultRules(groupId: string, call: Call, token: string): void {
  putRule(groupId, true, everythingOut, call, token);
  const fromMembers = {
    IpProtocol: '-1',
    FromPort: -1,
    ToPort: -1,
    ReferencedGroupInfo: { GroupId: groupId, UserId: call.accountId },
  };
  putRule(groupId, false, fromMembers, call, token);
}

export function deleteSecurityGroup({ GroupId = '' }: DeleteSecurityGroupRequest, call: Call) {
  const group = existing(securityGroups, GroupId, call);
  if (group.IsDefault)
    throw new AwsError(
      'CannotDelete',
      `the specified group: "${GroupId}" name: "default" cannot be deleted by a user`,
    );
  if (isNeeded(GroupId, call))
    throw new AwsError('DependencyViolation', `resource ${GroupId} has a dependent object`);
  call.cloud.state.transaction(() => {
    deleteRulesOf(GroupId, call);
    erase(securityGroups, GroupId, call);
  });
  return { Return: true, GroupId };
}

export function deleteRulesOf(groupId: string, call: Call): void {
  for (const rule of rulesOf(groupId, call)) erase(securityGroupRules, rule.SecurityGroupRuleId ?? '', call);
}

export function describeSecurityGroups(input: DescribeSecurityGroupsRequest, call: Call) {
  const { items, next } = describe(securityGroups, { ...input, ids: input.GroupIds }, call);
  const names = input.GroupNames ?? [];
  const chosen = items.filter((group) => names.length === 0 || names.includes(group.GroupName ?? ''));
  const SecurityGroups: SecurityGroup[] = chosen.map((group) => {
    const rules = rulesOf(group.GroupId ?? '', call);
    return {
      ...group,
      IpPermissions: permissionsOf(rules.filter((rule) => rule.IsEgress === false)),
      IpPermissionsEgress: permissionsOf(rules.filter((rule) => rule.IsEgress === true)),
    };
  });
  return { SecurityGroups, NextToken: next };
}

export function describeSecurityGroupRules(input: DescribeSecurityGroupRulesRequest, call: Call) {
  const { items, next } = describe(securityGroupRules, { ...input, ids: input.SecurityGroupRuleIds }, call);
  return { SecurityGroupRules: items, NextToken: next };
}

export function authorizeIngress(input: AuthorizeSecurityGroupIngressRequest, call: Call) {
  const short: IpPermission = {
    IpProtocol: input.IpProtocol,
    FromPort: input.FromPort,
    ToPort: input.ToPort,
    IpRanges: input.CidrIp === undefined ? [] : [{ CidrIp: input.CidrIp }],
  };
  const permissions = input.IpPermissions ?? [short];
  return authorize(input.GroupId, false, permissions.flatMap(contentsOf), call);
}

export function authorizeEgress(input: AuthorizeSecurityGroupEgressRequest, call: Call) {
  return authorize(input.GroupId, true, (input.IpPermissions ?? []).flatMap(contentsOf), call);
}

/** Adds rules; one that is there already, made by another call, is refused as AWS refuses it. */
export function authorize(
  GroupId: string | undefined,
  egress: boolean,
  contents: readonly RuleContent[],
  call: Call,
  owner = call.requestId,
) {
  const group = existing(securityGroups, GroupId, call);
  const SecurityGroupRules = call.cloud.state.transaction(() =>
    contents.map((content) => putRule(group.GroupId ?? '', egress, checked(content, call), call, owner)),
  );
  return { Return: true, SecurityGroupRules };
}

export function revokeIngress(input: RevokeSecurityGroupIngressRequest, call: Call) {
  return revoke(input.GroupId, false, input, call);
}

export function revokeEgress(input: RevokeSecurityGroupEgressRequest, call: Call) {
  return revoke(input.GroupId, true, input, call);
}

function revoke(
  GroupId: string | undefined,
  egress: boolean,
  input: { SecurityGroupRuleIds?: string[] | undefined; IpPermissions?: IpPermission[] | undefined },
  call: Call,
) {
  const group = existing(securityGroups, GroupId, call);
  const byContent = (input.IpPermissions ?? []).flatMap(contentsOf);
  const ids = [
    ...(input.SecurityGroupRuleIds ?? []),
    ...byContent.map((content) => ruleId(group.GroupId ?? '', egress, content)),
  ];
  const revoked = call.cloud.state.transaction(() =>
    ids.map((id) => {
      const rule = find(securityGroupRules, id, call);
      if (rule === undefined || rule.GroupId !== GroupId || rule.IsEgress !== egress)
        throw new AwsError(
          'InvalidPermission.NotFound',
          'The specified rule does not exist in this security group.',
        );
      erase(securityGroupRules, id, call);
      return { ...rule, ReferencedGroupId: rule.ReferencedGroupInfo?.GroupId };
    }),
  );
  return { Return: true, RevokedSecurityGroupRules: revoked };
}

/** Takes the rule away if it is there. */
export function dropRule(id: string, call: Call): void {
  if (find(securityGroupRules, id, call) !== undefined) erase(securityGroupRules, id, call);
}

function putRule(
  GroupId: string,
  IsEgress: boolean,
  content: RuleContent,
  call: Call,
  owner: string,
): SecurityGroupRuleRecord {
  const SecurityGroupRuleId = ruleId(GroupId, IsEgress, content);
  const before = find(securityGroupRules, SecurityGroupRuleId, call);
  if (before !== undefined && before.CreatedBy !== owner) {
    throw new AwsError(
      'InvalidPermission.Duplicate',
      `the specified rule "peer: ${peerOf(content)}, ${content.IpProtocol === '-1' ? 'ALL' : (content.IpProtocol ?? '').toUpperCase()}, from port: ${content.FromPort}, to port: ${content.ToPort}, ALLOW" already exists`,
    );
  }
  return put(
    securityGroupRules,
    {
      ...content,
      SecurityGroupRuleId,
      SecurityGroupRuleArn: regionalArn('ec2', call, `security-group-rule/${SecurityGroupRuleId}`),
      GroupId,
      GroupOwnerId: call.accountId,
      IsEgress,
      Tags: [],
      CreatedBy: owner,
    },
    call,
  );
}

function peerOf(content: RuleContent): string | undefined {
  return content.CidrIpv4 ?? content.CidrIpv6 ?? content.PrefixListId ?? content.ReferencedGroupInfo?.GroupId;
}

/** The id follows from what makes two rules the same one, so that a duplicate is found by its id. */
export function ruleId(groupId: string, egress: boolean, content: RuleContent): string {
  const identity = [groupId, egress, content.IpProtocol, content.FromPort, content.ToPort, peerOf(content)];
  return generatedId(JSON.stringify(identity), 'sgr-', 17);
}

function checked(content: RuleContent, call: Call): RuleContent {
  const referenced = content.ReferencedGroupInfo?.GroupId;
  if (referenced !== undefined) existing(securityGroups, referenced, call);
  if (peerOf(content) === undefined) {
    throw new AwsError(
      'InvalidParameterValue',
      'A security group rule must name a CIDR block, a prefix list or a security group.',
    );
  }
  const { FromPort = -1, ToPort = -1 } = content;
  // ICMP has a type and a code in place of ports.
  const hasPorts = content.IpProtocol === 'tcp' || content.IpProtocol === 'udp';
  if (hasPorts && (FromPort > ToPort || FromPort < 0 || ToPort > 65_535))
    throw new AwsError('InvalidParameterValue', `Invalid value for portRange: ${FromPort}-${ToPort}.`);
  return content;
}

function contentsOf(permission: IpPermission): RuleContent[] {
  const IpProtocol = protocolName(permission.IpProtocol ?? '-1');
  const base =
    IpProtocol === '-1'
      ? { IpProtocol, FromPort: -1, ToPort: -1 }
      : { IpProtocol, FromPort: permission.FromPort ?? -1, ToPort: permission.ToPort ?? -1 };
  return [
    ...(permission.IpRanges ?? []).map((range) => ({
      ...base,
      CidrIpv4: range.CidrIp,
      Description: range.Description,
    })),
    ...(permission.Ipv6Ranges ?? []).map((range) => ({
      ...base,
      CidrIpv6: range.CidrIpv6,
      Description: range.Description,
    })),
    ...(permission.PrefixListIds ?? []).map((list) => ({
      ...base,
      PrefixListId: list.PrefixListId,
      Description: list.Description,
    })),
    ...(permission.UserIdGroupPairs ?? []).map((pair) => ({
      ...base,
      ReferencedGroupInfo: { GroupId: pair.GroupId, UserId: pair.UserId },
      Description: pair.Description,
    })),
  ];
}

/** EC2 takes protocols by number too ("Protocol Numbers", IANA). */
export function protocolName(protocol: string): string {
  return { '6': 'tcp', '17': 'udp', '1': 'icmp', all: '-1' }[protocol] ?? protocol.toLowerCase();
}

function rulesOf(groupId: string, call: Call): SecurityGroupRuleRecord[] {
  return related(securityGroupRules, groupId, call).filter((rule) => rule.GroupId === groupId);
}

function permissionsOf(rules: readonly SecurityGroupRule[]): IpPermission[] {
  const grouped = new Map<string, SecurityGroupRule[]>();
  for (const rule of rules) {
    const ports = `${rule.IpProtocol} ${rule.FromPort} ${rule.ToPort}`;
    grouped.set(ports, [...(grouped.get(ports) ?? []), rule]);
  }
  return [...grouped.values()].map((same) => {
    const [{ IpProtocol, FromPort, ToPort } = {}] = same;
    const ports = IpProtocol === '-1' ? {} : { FromPort, ToPort };
    return {
      IpProtocol,
      ...ports,
      IpRanges: same.flatMap(({ CidrIpv4, Description }) =>
        CidrIpv4 === undefined ? [] : [{ CidrIp: CidrIpv4, Description }],
      ),
      Ipv6Ranges: same.flatMap(({ CidrIpv6, Description }) =>
        CidrIpv6 === undefined ? [] : [{ CidrIpv6, Description }],
      ),
      PrefixListIds: same.flatMap(({ PrefixListId, Description }) =>
        PrefixListId === undefined ? [] : [{ PrefixListId, Description }],
      ),
      UserIdGroupPairs: same.flatMap(({ ReferencedGroupInfo, Description }) =>
        ReferencedGroupInfo === undefined ? [] : [{ ...ReferencedGroupInfo, Description }],
      ),
    };
  });
}
