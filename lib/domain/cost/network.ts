import { byUse, fixed, type Pricing } from './charge.ts';
import { isRecord } from './template.ts';
import { hoursPerMonth } from './usage.ts';

/** A load balancer capacity unit takes 25 new connections a second ("Elastic Load Balancing pricing"). */
const connectionsPerCapacityHour = 25 * 3_600;

/** What leads into and out of the silo. */
export const networkPricing: Readonly<Record<string, Pricing>> = {
  'AWS::EC2::VPCEndpoint': (endpoint, { usage }) => {
    const kind = endpoint.value('VpcEndpointType') ?? 'Gateway';
    // Gateway endpoints are free ("AWS PrivateLink pricing").
    if (kind === 'Gateway') return [];
    if (kind !== 'Interface') throw endpoint.uncovered('only interface and gateway endpoints are priced');
    const name = endpoint.text('ServiceName');
    const service = name.replace(/^com\.amazonaws\.[a-z0-9-]+\./, '');
    const data = usage.endpointGb[service];
    if (data === undefined) throw endpoint.uncovered(`no usage is assumed for the service ${name}`);
    return [
      fixed(`Endpoint of ${service}`, 'vpcEndpointHour', endpoint.list('SubnetIds').length * hoursPerMonth),
      byUse(`Data through the endpoint of ${service}`, 'vpcEndpointData', data),
    ];
  },

  'AWS::EC2::NatGateway': (_gateway, { usage, resources }) => {
    const gateways = resources.filter(({ type }) => type === 'AWS::EC2::NatGateway').length;
    const throughEndpoints = resources.some(
      (resource) =>
        resource.type === 'AWS::EC2::VPCEndpoint' && resource.value('VpcEndpointType') === 'Interface',
    );
    const toAws = Object.values(usage.endpointGb).reduce((sum, gb) => sum + gb, 0);
    return [
      fixed('NAT gateway', 'natGatewayHour', hoursPerMonth),
      byUse('Data through the NAT gateway', 'natGatewayData', throughEndpoints ? 0 : toAws / gateways),
    ];
  },

  'AWS::EC2::EIP': () => [fixed('Public IPv4 address', 'publicAddressHour', hoursPerMonth)],

  'AWS::ElasticLoadBalancingV2::LoadBalancer': (loadBalancer, { usage }) => {
    const type = loadBalancer.value('Type') ?? 'application';
    if (type !== 'application') throw loadBalancer.uncovered('only application load balancers are priced');
    const isPublic = (loadBalancer.value('Scheme') ?? 'internet-facing') === 'internet-facing';
    const addresses = isPublic ? loadBalancer.list('Subnets').length : 0;
    // The dimension that is used most counts; so little traffic never fills one unit.
    const capacity = Math.max(usage.responseGb, usage.requests / connectionsPerCapacityHour);
    return [
      fixed('Load balancer', 'loadBalancerHour', hoursPerMonth),
      fixed('Public IPv4 addresses of the load balancer', 'publicAddressHour', addresses * hoursPerMonth),
      byUse('Load balancer capacity', 'loadBalancerCapacity', capacity),
      byUse('Answers to the internet', 'internetOut', isPublic ? usage.responseGb : 0),
    ];
  },

  'AWS::WAFv2::WebACL': (acl, { usage }) => {
    for (const rule of acl.list('Rules')) {
      const statement = isRecord(rule) ? rule['Statement'] : undefined;
      const managed = isRecord(statement) ? statement['ManagedRuleGroupStatement'] : undefined;
      if (!isRecord(managed)) continue;
      // Bot Control, fraud control and other vendors' groups have subscription fees of their own.
      const name = managed['Name'];
      const isOrdinary =
        managed['VendorName'] === 'AWS' &&
        typeof name === 'string' &&
        !/BotControl|ACFP|ATP|AntiDDoS/.test(name);
      if (!isOrdinary)
        throw acl.uncovered(`the rule group ${JSON.stringify(name)} may have a fee of its own`);
    }
    return [
      fixed('Firewall', 'webAclMonth', 1),
      fixed('Rules of the firewall', 'webAclRuleMonth', acl.list('Rules').length),
      byUse('Requests inspected', 'webAclRequest', usage.requests),
    ];
  },

  'AWS::Route53::RecordSet': (record, { usage }) =>
    // Queries that an alias record of a load balancer answers are free ("Amazon Route 53 pricing").
    record.value('AliasTarget') === undefined ? [byUse('DNS queries', 'dnsQuery', usage.requests)] : [],
};
