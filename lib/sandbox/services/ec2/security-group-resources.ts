/** Security groups in CloudFormation: rules inside the group's properties, or as resources of their own. */
import { generatedName } from '../../identifiers.ts';
import type { Call, ResourceContext, ResourceHandler } from '../../model.ts';
import { listOf, numberOf, textOf } from '../properties.ts';
import { type SecurityGroupRecord, type SecurityGroupRuleRecord, securityGroupRules } from './kinds.ts';
import { find, related } from './records.ts';
import {
  authorize,
  createSecurityGroup,
  deleteSecurityGroup,
  dropRule,
  protocolName,
  type RuleContent,
  ruleId,
} from './security-groups.ts';

type Properties = Record<string, unknown>;

/** Rules belong to the resource that made them, through all its updates. */
function ownerOf(c: ResourceContext): string {
  return `${c.stackId}/${c.logicalId}`;
}

/** One `SecurityGroupIngress` or `SecurityGroupEgress` entry as a rule. */
function ruleOf(p: Properties, c: ResourceContext): RuleContent {
  const IpProtocol = protocolName(textOf(p['IpProtocol']) ?? '-1');
  const everyPort = IpProtocol === '-1';
  const group = textOf(p['SourceSecurityGroupId'] ?? p['DestinationSecurityGroupId']);
  return {
    IpProtocol,
    FromPort: everyPort ? -1 : (numberOf(p['FromPort']) ?? -1),
    ToPort: everyPort ? -1 : (numberOf(p['ToPort']) ?? -1),
    CidrIpv4: textOf(p['CidrIp']),
    CidrIpv6: textOf(p['CidrIpv6']),
    PrefixListId: textOf(p['SourcePrefixListId'] ?? p['DestinationPrefixListId']),
    ReferencedGroupInfo: group === undefined ? undefined : { GroupId: group, UserId: c.accountId },
    Description: textOf(p['Description']),
  };
}

/** The reverse of `ruleOf`, as a template writes it. */
function entryOf(rule: SecurityGroupRuleRecord): Properties {
  const end = rule.IsEgress ? 'Destination' : 'Source';
  const entry = {
    IpProtocol: rule.IpProtocol,
    FromPort: rule.FromPort,
    ToPort: rule.ToPort,
    CidrIp: rule.CidrIpv4,
    CidrIpv6: rule.CidrIpv6,
    [`${end}PrefixListId`]: rule.PrefixListId,
    [`${end}SecurityGroupId`]: rule.ReferencedGroupInfo?.GroupId,
    Description: rule.Description,
  };
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));
}

export const securityGroupResource = {
  type: 'AWS::EC2::SecurityGroup',
  create(p: Properties, c: ResourceContext): string {
    const input = {
      VpcId: textOf(p['VpcId']),
      GroupName: textOf(p['GroupName']) ?? generatedName(c, 255),
      Description: textOf(p['GroupDescription']),
    };
    return createSecurityGroup(input, c, c.token, ownerOf(c)).GroupId;
  },
  /**
   * Makes the group's rules those of the template. Rules that came from elsewhere (other resources, the API) stay;
   * the rule that lets everything out stays only while the template names no egress rule.
   */
  update(groupId: string, p: Properties, c: ResourceContext): void {
    c.cloud.state.transaction(() => {
      setRules(groupId, false, listOf<Properties>(p['SecurityGroupIngress']), c);
      const egress = listOf<Properties>(p['SecurityGroupEgress']);
      setRules(groupId, true, egress.length > 0 ? egress : [{ IpProtocol: '-1', CidrIp: '0.0.0.0/0' }], c);
    });
  },
  delete(GroupId: string, c: ResourceContext): void {
    deleteSecurityGroup({ GroupId }, c);
  },
  read(record: SecurityGroupRecord, c: ResourceContext): Properties {
    const rules = related(securityGroupRules, record.GroupId, c).filter(({ GroupId, CreatedBy }) => {
      // Rules that are resources of their own, of this stack or another, are looked at as such.
      const isResource = CreatedBy.startsWith('arn:') && CreatedBy !== ownerOf(c);
      return GroupId === record.GroupId && !isResource;
    });
    return {
      GroupDescription: record.Description,
      GroupName: record.GroupName,
      VpcId: record.VpcId,
      SecurityGroupIngress: rules.filter(({ IsEgress }) => !IsEgress).map(entryOf),
      SecurityGroupEgress: rules.filter(({ IsEgress }) => IsEgress).map(entryOf),
    };
  },
  attributes: (record: SecurityGroupRecord, _call: Call) => ({
    Id: record.GroupId,
    GroupId: record.GroupId,
    VpcId: record.VpcId,
  }),
};

function setRules(groupId: string, egress: boolean, entries: Properties[], c: ResourceContext): void {
  const wanted = entries.map((entry) => ruleOf(entry, c));
  const ids = new Set(wanted.map((content) => ruleId(groupId, egress, content)));
  for (const rule of related(securityGroupRules, groupId, c)) {
    const ours = rule.GroupId === groupId && rule.IsEgress === egress && rule.CreatedBy === ownerOf(c);
    if (ours && !ids.has(rule.SecurityGroupRuleId ?? '')) dropRule(rule.SecurityGroupRuleId ?? '', c);
  }
  authorize(groupId, egress, wanted, c, ownerOf(c));
}

/** For every protocol, ports mean nothing: a template may name any. */
function spelledAs(p: Properties, live: Properties): Properties {
  return live['IpProtocol'] === '-1' ? { ...live, FromPort: p['FromPort'], ToPort: p['ToPort'] } : live;
}

function ruleResource(type: string, egress: boolean): ResourceHandler {
  const put = (p: Properties, c: ResourceContext) => {
    const { SecurityGroupRules } = authorize(textOf(p['GroupId']), egress, [ruleOf(p, c)], c, ownerOf(c));
    const physicalId = SecurityGroupRules[0]?.SecurityGroupRuleId ?? '';
    return { physicalId, attributes: { Id: physicalId } };
  };
  return {
    type,
    fidelity: 'behaves',
    create: put,
    update: (_physicalId, p, _previous, c) => put(p, c),
    delete: (physicalId, _p, c) => dropRule(physicalId, c),
    read(physicalId, p, c) {
      const rule = find(securityGroupRules, physicalId, c);
      return Promise.resolve(rule && spelledAs(p, { GroupId: rule.GroupId, ...entryOf(rule) }));
    },
  };
}

export const networkRuleResources: readonly ResourceHandler[] = [
  ruleResource('AWS::EC2::SecurityGroupIngress', false),
  ruleResource('AWS::EC2::SecurityGroupEgress', true),
];
