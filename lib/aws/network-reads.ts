import {
  DescribeRouteTablesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeTransitGatewayVpcAttachmentsCommand,
  DescribeVpcEndpointsCommand,
  DescribeVpcPeeringConnectionsCommand,
  DescribeVpcsCommand,
  DescribeVpnGatewaysCommand,
  type Filter,
  type Route,
  type SecurityGroup,
  type SecurityGroupRule,
  type VpcEndpoint,
} from '@aws-sdk/client-ec2';
import { DomainError } from '../domain/errors.ts';
import type { NetworkConnection, SecurityGroupFacts } from '../domain/silo-facts.ts';
import type { SiloReads } from '../ports/silo-reads.ts';
import { type AwsClients, call } from './clients.ts';
import { missing } from './missing.ts';

type NetworkReads = Pick<
  SiloReads,
  | 'vpcTags'
  | 'networkConnections'
  | 'routeTables'
  | 'ingress'
  | 'securityGroups'
  | 'defaultSecurityGroup'
  | 'endpoints'
>;

/** What Amazon EC2 says about a silo's network. */
export function networkReads({ ec2 }: AwsClients): NetworkReads {
  return {
    vpcTags: async (vpcId, signal) => {
      const { Vpcs = [] } = await call('ec2', 'DescribeVpcs', signal, (options) =>
        ec2.send(new DescribeVpcsCommand({ VpcIds: [vpcId] }), options),
      );
      const [vpc] = Vpcs;
      if (vpc === undefined) throw new DomainError('cloud_failure', `AWS ec2 shows no VPC ${vpcId}.`);
      return Object.fromEntries((vpc.Tags ?? []).map((tag) => [tag.Key ?? '', tag.Value ?? '']));
    },
    networkConnections: async (vpcId, signal) => {
      const lists = await Promise.all([
        peerings({ ec2 }, 'requester-vpc-info.vpc-id', vpcId, signal),
        peerings({ ec2 }, 'accepter-vpc-info.vpc-id', vpcId, signal),
        transitGateways({ ec2 }, vpcId, signal),
        vpnGateways({ ec2 }, vpcId, signal),
      ]);
      return lists.flat().filter(({ state }) => !gone.has(state));
    },
    routeTables: async (vpcId, signal) => {
      const tables = await call('ec2', 'DescribeRouteTables', signal, async (options) => {
        const all = [];
        const input = { Filters: [{ Name: 'vpc-id', Values: [vpcId] }] };
        let NextToken: string | undefined;
        do {
          const page = await ec2.send(new DescribeRouteTablesCommand({ ...input, NextToken }), options);
          all.push(...(page.RouteTables ?? []));
          NextToken = page.NextToken;
        } while (NextToken !== undefined);
        return all;
      });
      return tables.map((table) => ({
        id: table.RouteTableId ?? '',
        main: (table.Associations ?? []).some((association) => association.Main === true),
        subnetIds: (table.Associations ?? []).flatMap(({ SubnetId }) => SubnetId ?? []),
        routes: (table.Routes ?? []).map((route) => ({
          destination:
            route.DestinationCidrBlock ??
            route.DestinationIpv6CidrBlock ??
            route.DestinationPrefixListId ??
            'unknown',
          target: targetOf(route),
        })),
      }));
    },
    ingress: async (securityGroupId, signal) =>
      (await rulesOf({ ec2 }, [securityGroupId], signal))
        .filter((rule) => rule.IsEgress !== true)
        .map((rule) => ({ ...portsOf(rule), source: peerOf(rule) })),
    endpoints: async (vpcId, signal) => {
      const endpoints = await call('ec2', 'DescribeVpcEndpoints', signal, async (options) => {
        const all: VpcEndpoint[] = [];
        const input = { Filters: [{ Name: 'vpc-id', Values: [vpcId] }] };
        let NextToken: string | undefined;
        do {
          const page = await ec2.send(new DescribeVpcEndpointsCommand({ ...input, NextToken }), options);
          all.push(...(page.VpcEndpoints ?? []));
          NextToken = page.NextToken;
        } while (NextToken !== undefined);
        return all;
      });
      return endpoints
        .map((endpoint) => ({
          id: endpoint.VpcEndpointId ?? '',
          service: endpoint.ServiceName ?? 'unknown',
          state: endpoint.State ?? 'unknown',
          policy: endpoint.PolicyDocument ?? null,
        }))
        .filter(({ state }) => !gone.has(state.toLowerCase()));
    },
    securityGroups: (vpcId, signal) => securityGroups({ ec2 }, [{ Name: 'vpc-id', Values: [vpcId] }], signal),
    defaultSecurityGroup: async (vpcId, signal) => {
      const filters = [
        { Name: 'vpc-id', Values: [vpcId] },
        { Name: 'group-name', Values: ['default'] },
      ];
      const [group] = await securityGroups({ ec2 }, filters, signal);
      return group ?? missing('ec2', 'default security group of VPC', vpcId);
    },
  };
}

type Ec2 = Pick<AwsClients, 'ec2'>;

async function securityGroups(
  { ec2 }: Ec2,
  Filters: Filter[],
  signal: AbortSignal | undefined,
): Promise<SecurityGroupFacts[]> {
  const groups = await call('ec2', 'DescribeSecurityGroups', signal, async (options) => {
    const all: SecurityGroup[] = [];
    let NextToken: string | undefined;
    do {
      const page = await ec2.send(new DescribeSecurityGroupsCommand({ Filters, NextToken }), options);
      all.push(...(page.SecurityGroups ?? []));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return all;
  });
  const rules = await rulesOf(
    { ec2 },
    groups.map(({ GroupId = '' }) => GroupId),
    signal,
  );
  return groups.map(({ GroupId = '', GroupName = '' }) => ({
    id: GroupId,
    name: GroupName,
    rules: rules
      .filter((rule) => rule.GroupId === GroupId)
      .map((rule) => ({
        id: rule.SecurityGroupRuleId ?? '',
        outbound: rule.IsEgress === true,
        ...portsOf(rule),
        peer: peerOf(rule),
      })),
  }));
}

async function rulesOf(
  { ec2 }: Ec2,
  securityGroupIds: string[],
  signal: AbortSignal | undefined,
): Promise<SecurityGroupRule[]> {
  // An empty filter would not be one that nothing passes.
  if (securityGroupIds.length === 0) return [];
  const Filters = [{ Name: 'group-id', Values: securityGroupIds }];
  return call('ec2', 'DescribeSecurityGroupRules', signal, async (options) => {
    const all: SecurityGroupRule[] = [];
    let NextToken: string | undefined;
    do {
      const page = await ec2.send(new DescribeSecurityGroupRulesCommand({ Filters, NextToken }), options);
      all.push(...(page.SecurityGroupRules ?? []));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return all;
  });
}

function portsOf(rule: SecurityGroupRule) {
  return {
    protocol: rule.IpProtocol ?? 'unknown',
    fromPort: portOf(rule.FromPort),
    toPort: portOf(rule.ToPort),
  };
}

function peerOf(rule: SecurityGroupRule): string {
  return (
    rule.ReferencedGroupInfo?.GroupId ?? rule.CidrIpv4 ?? rule.CidrIpv6 ?? rule.PrefixListId ?? 'unknown'
  );
}

/** States in which a connection carries nothing and cannot be brought back. */
const gone = new Set(['deleted', 'rejected', 'failed', 'expired']);

async function peerings(
  { ec2 }: Ec2,
  side: string,
  vpcId: string,
  signal: AbortSignal | undefined,
): Promise<NetworkConnection[]> {
  const { VpcPeeringConnections = [] } = await call(
    'ec2',
    'DescribeVpcPeeringConnections',
    signal,
    (options) =>
      ec2.send(
        new DescribeVpcPeeringConnectionsCommand({ Filters: [{ Name: side, Values: [vpcId] }] }),
        options,
      ),
  );
  return VpcPeeringConnections.map((peering) => ({
    kind: 'peering',
    id: peering.VpcPeeringConnectionId ?? '',
    state: peering.Status?.Code ?? 'unknown',
  }));
}

async function transitGateways(
  { ec2 }: Ec2,
  vpcId: string,
  signal: AbortSignal | undefined,
): Promise<NetworkConnection[]> {
  const { TransitGatewayVpcAttachments = [] } = await call(
    'ec2',
    'DescribeTransitGatewayVpcAttachments',
    signal,
    (options) =>
      ec2.send(
        new DescribeTransitGatewayVpcAttachmentsCommand({
          Filters: [{ Name: 'vpc-id', Values: [vpcId] }],
        }),
        options,
      ),
  );
  return TransitGatewayVpcAttachments.map((attachment) => ({
    kind: 'transit-gateway',
    id: attachment.TransitGatewayAttachmentId ?? '',
    state: attachment.State ?? 'unknown',
  }));
}

async function vpnGateways(
  { ec2 }: Ec2,
  vpcId: string,
  signal: AbortSignal | undefined,
): Promise<NetworkConnection[]> {
  const { VpnGateways = [] } = await call('ec2', 'DescribeVpnGateways', signal, (options) =>
    ec2.send(
      new DescribeVpnGatewaysCommand({ Filters: [{ Name: 'attachment.vpc-id', Values: [vpcId] }] }),
      options,
    ),
  );
  return VpnGateways.map((gateway) => ({
    kind: 'vpn',
    id: gateway.VpnGatewayId ?? '',
    state: gateway.State ?? 'unknown',
  }));
}

/** -1 stands for all ports, or for none at all ("SecurityGroupRule", Amazon EC2 API Reference). */
function portOf(port: number | undefined): number | null {
  return port === undefined || port === -1 ? null : port;
}

function targetOf(route: Route): string {
  return (
    route.GatewayId ??
    route.NatGatewayId ??
    route.VpcPeeringConnectionId ??
    route.TransitGatewayId ??
    route.EgressOnlyInternetGatewayId ??
    route.NetworkInterfaceId ??
    route.LocalGatewayId ??
    route.CarrierGatewayId ??
    route.InstanceId ??
    'unknown'
  );
}
