/** Security groups in CloudFormation: rules inside the group's properties, or as resources of their own. */
import { generatedName } from '../../identifiers.ts';
import type { Call, ResourceContext, ResourceHandler } from '../../model.ts';
import { listOf, numberOf, textOf } from '../properties.ts';
import { type SecurityGroupRecord, securityGroupRules } from './kinds.ts';
import { all } from './records.ts';
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
  attributes: (record: SecurityGroupRecord, _call: Call) => ({
    Id: record.GroupId,
    GroupId: record.GroupId,
    VpcId: record.VpcId,
  }),
};

function setRules(groupId: string, egress: boolean, entries: Properties[], c: ResourceContext): void {
  const wanted = entries.map((entry) => ruleOf(entry, c));
  const ids = new Set(wanted.map((content) => ruleId(groupId, egress, content)));
  for (const rule of all(securityGroupRules, c)) {
    const ours = rule.GroupId === groupId && rule.IsEgress === egress && rule.CreatedBy === ownerOf(c);
    if (ours && !ids.has(rule.SecurityGroupRuleId ?? '')) dropRule(rule.SecurityGroupRuleId ?? '', c);
  }
  authorize(groupId, egress, wanted, c, ownerOf(c));
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
  };
}

export const networkRuleResources: readonly ResourceHandler[] = [
  ruleResource('AWS::EC2::SecurityGroupIngress', false),
  ruleResource('AWS::EC2::SecurityGroupEgress', true),
];
