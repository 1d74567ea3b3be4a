import { allowsEverything } from './iam-policy.ts';
import { type Check, check, listed, safeguards } from './silo-check.ts';
import type { IngressRule, OpeningFacts, RouteTableFacts, SecurityGroupFacts } from './silo-facts.ts';

const postgresPort = 5432;

/** A subnet without a table of its own follows the main one ("Subnet route tables", Amazon VPC User Guide). */
function tableOf(tables: readonly RouteTableFacts[], subnetId: string): RouteTableFacts | undefined {
  return tables.find((table) => table.subnetIds.includes(subnetId)) ?? tables.find((table) => table.main);
}

/** Routes of these subnets that lead somewhere else than `allowed`; a subnet without any table is reported too. */
function straying(
  tables: readonly RouteTableFacts[],
  subnetIds: readonly string[],
  allowed: (target: string) => boolean,
): string[] {
  return subnetIds.flatMap((subnetId) => {
    const table = tableOf(tables, subnetId);
    if (table === undefined) return [`${subnetId} has no route table`];
    return table.routes
      .filter((route) => !allowed(route.target))
      .map((route) => `${subnetId}: ${route.destination} to ${route.target}`);
  });
}

const isLocal = (target: string): boolean => target === 'local';
const isEndpoint = (target: string): boolean => target.startsWith('vpce-');
const isInternetGateway = (target: string): boolean => target.startsWith('igw-');

const describeRule = (rule: IngressRule): string =>
  `${rule.protocol} ${rule.fromPort ?? 'all'}-${rule.toPort ?? 'all'} from ${rule.source}`;

export const describeGroupRule = (rule: SecurityGroupFacts['rules'][number]): string =>
  `${rule.outbound ? 'out' : 'in'}: ${rule.protocol} ${rule.fromPort ?? 'all'}-${rule.toPort ?? 'all'} ${rule.outbound ? 'to' : 'from'} ${rule.peer}`;

const entrancePorts = [80, 443];

/** Inbound rules that let in who is no member of a group of this VPC, but for the load balancer's own two ports. */
function openingsBeside({ entranceGroupIds, groups }: OpeningFacts): string[] {
  const inside = new Set(groups.map(({ id }) => id));
  return groups.flatMap(({ id, rules }) =>
    rules
      .filter((rule) => !rule.outbound && !inside.has(rule.peer))
      .filter(
        ({ protocol, fromPort, toPort }) =>
          !entranceGroupIds.includes(id) ||
          protocol !== 'tcp' ||
          fromPort !== toPort ||
          !entrancePorts.includes(fromPort ?? -1),
      )
      .map((rule) => `${id} ${describeGroupRule(rule)}`),
  );
}

export const networkChecks: readonly Check[] = [
  check({
    id: 'vpc-belongs-to-practice',
    title: 'The VPC is tagged for this practice',
    safeguards: safeguards.isolation,
    source: 'ec2:DescribeVpcs',
    fact: 'vpcTags',
    expected: ({ practiceId }) => practiceId,
    observed: (tags) => tags['lumenality:practice'] ?? 'no practice tag',
  }),
  check({
    id: 'vpc-not-shared',
    title: 'No other practice lives in the VPC',
    safeguards: safeguards.isolation,
    source: 'control plane: stacks of all practices',
    fact: 'vpcSharedWith',
    expected: () => 'no other practice',
    observed: (others) => (others.length === 0 ? 'no other practice' : listed(others)),
  }),
  check({
    id: 'default-security-group-closed',
    title: "The VPC's default security group lets nothing in or out",
    safeguards: safeguards.isolation,
    source: 'ec2:DescribeSecurityGroups, ec2:DescribeSecurityGroupRules',
    fact: 'defaultSecurityGroup',
    expected: () => 'no rules',
    observed: ({ rules }) => (rules.length === 0 ? 'no rules' : listed(rules.map(describeGroupRule))),
  }),
  check({
    id: 'only-entrance-open',
    title:
      'Nothing but the load balancer takes connections from outside the VPC, and it only on its two ports',
    safeguards: [...safeguards.isolation, '45 CFR 164.312(e)(1)'],
    source:
      'ec2:DescribeSecurityGroups, ec2:DescribeSecurityGroupRules, elasticloadbalancing:DescribeLoadBalancers',
    fact: 'openings',
    expected: () => `only the load balancer, on tcp ${entrancePorts.join(' and ')}`,
    observed: (openings) => {
      const found = openingsBeside(openings);
      return found.length === 0
        ? `only the load balancer, on tcp ${entrancePorts.join(' and ')}`
        : listed(found);
    },
  }),
  check({
    id: 'vpc-not-connected',
    title: 'The VPC has no peering, transit gateway or VPN',
    safeguards: safeguards.isolation,
    source: 'ec2:DescribeVpcPeeringConnections, DescribeTransitGatewayVpcAttachments, DescribeVpnGateways',
    fact: 'networkConnections',
    expected: () => 'none',
    observed: (connections) => listed(connections.map(({ kind, id, state }) => `${kind} ${id} (${state})`)),
  }),
  check({
    id: 'routes-stay-in-silo',
    title: 'Routes lead nowhere but the VPC itself, AWS endpoints and, for the load balancer, the internet',
    safeguards: safeguards.isolation,
    source: 'ec2:DescribeRouteTables',
    fact: 'routeTables',
    expected: () => 'no other route',
    observed: (tables, { appSubnetIds, databaseSubnetIds }) => {
      const allowed = (target: string) => isLocal(target) || isEndpoint(target);
      const elsewhere = tables.flatMap((table) =>
        table.routes
          .filter(({ target }) => !allowed(target) && !isInternetGateway(target))
          .map(({ destination, target }) => `${table.id}: ${destination} to ${target}`),
      );
      const found = [...elsewhere, ...straying(tables, [...appSubnetIds, ...databaseSubnetIds], allowed)];
      return found.length === 0 ? 'no other route' : listed([...new Set(found)]);
    },
  }),
  check({
    id: 'database-in-own-network',
    title: "The database lies in this VPC's database subnets",
    safeguards: safeguards.isolation,
    source: 'rds:DescribeDBInstances',
    fact: 'database',
    expected: ({ vpcId, databaseSubnetIds }) => `${vpcId}: ${listed(databaseSubnetIds.toSorted())}`,
    observed: ({ vpcId, subnetIds }) => `${vpcId ?? 'no VPC'}: ${listed(subnetIds.toSorted())}`,
  }),
  check({
    id: 'database-subnets-isolated',
    title: 'The database subnets have no route beyond the VPC',
    safeguards: [...safeguards.isolation, '45 CFR 164.312(e)(1)'],
    source: 'ec2:DescribeRouteTables',
    fact: 'routeTables',
    expected: () => 'only local routes',
    observed: (tables, { databaseSubnetIds }) => {
      const found = straying(tables, databaseSubnetIds, isLocal);
      return found.length === 0 ? 'only local routes' : listed(found);
    },
    passes: (tables, { databaseSubnetIds }) =>
      databaseSubnetIds.length > 0 && straying(tables, databaseSubnetIds, isLocal).length === 0,
  }),
  check({
    id: 'database-admits-app-only',
    title: 'The database takes connections from the app and nobody else',
    safeguards: [...safeguards.access, 'NIST SP 800-53r5 SC-7'],
    source: 'ec2:DescribeSecurityGroupRules',
    fact: 'databaseIngress',
    expected: ({ appSecurityGroupId }) => `tcp ${postgresPort}-${postgresPort} from ${appSecurityGroupId}`,
    observed: (groups) => listed(Object.values(groups).flat().map(describeRule)),
  }),
  check({
    id: 'endpoints-restricted',
    title: 'Each way to an AWS service passes on only what the app needs',
    safeguards: [...safeguards.isolation, 'NIST SP 800-53r5 AC-6'],
    source: 'ec2:DescribeVpcEndpoints',
    fact: 'endpoints',
    expected: () => 'endpoints, each with a policy of its own',
    observed: (endpoints) => {
      if (endpoints.length === 0) return 'no endpoints';
      const open = endpoints.filter(({ policy }) => policy === null || allowsEverything(policy));
      return open.length === 0
        ? 'endpoints, each with a policy of its own'
        : `full access: ${listed(open.map(({ id, service }) => `${service} (${id})`))}`;
    },
  }),
];
