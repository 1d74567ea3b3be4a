import { type Control, companions, type Properties, requirements, type Subject, said } from './control.ts';

const { access, audit, inTransit, integrity, isolation, monitoring, operation } = requirements;
const network = 'stacks/constructs/network.ts';
const firewall = 'stacks/constructs/firewall.ts';
const endpoints = 'stacks/constructs/endpoints.ts';
const entrance = 'stacks/constructs/entrance.ts';
const webFirewall = 'stacks/constructs/web-firewall.ts';
const test = 'test/stacks/templates.test.ts';

const loadBalancer = 'AWS::ElasticLoadBalancingV2::LoadBalancer';
const listener = 'AWS::ElasticLoadBalancingV2::Listener';

/** "EC2.18", parameter authorizedTcpPorts, and "EC2.19", ports with high risk. */
const openPorts = [80, 443];
const riskyPorts = [
  20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080,
  8088, 8888, 9200, 9300,
];

/** "ELB.17", parameter sslPolicies, without the policies for government modules that a silo has no use for. */
const recommendedTls = [
  'ELBSecurityPolicy-TLS13-1-3-2021-06',
  'ELBSecurityPolicy-TLS13-1-2-2021-06',
  'ELBSecurityPolicy-TLS13-1-2-Res-2021-06',
];

export const networkControls: readonly Control[] = [
  {
    id: 'EC2.2',
    asks: 'The default security group of a VPC lets nothing in or out.',
    requirement: isolation,
    construct: network,
    test: 'test/unit/silo-checks.test.ts',
    checks: ['default-security-group-closed'],
    outside:
      'CloudFormation cannot change a default security group; provisioning closes it and verification reads it.',
  },
  {
    id: 'EC2.6',
    asks: 'Every VPC has a flow log.',
    requirement: audit,
    construct: 'stacks/constructs/network-record.ts',
    test,
    types: ['AWS::EC2::VPC'],
    judge: (vpc) =>
      companions(vpc, 'AWS::EC2::FlowLog').length > 0 ? undefined : 'No flow log records its connections.',
  },
  ...(['ec2', 'ssm', 'ssm-contacts', 'ssm-incidents'] as const).map((service, index) =>
    endpointControl(['EC2.10', 'EC2.57', 'EC2.58', 'EC2.60'][index] ?? '', service),
  ),
  endpointControl('EC2.55', 'ecr.api'),
  endpointControl('EC2.56', 'ecr.dkr'),
  {
    id: 'EC2.15',
    asks: 'A subnet gives no public address by itself.',
    requirement: isolation,
    construct: network,
    test,
    types: ['AWS::EC2::Subnet'],
    judge: ({ properties }) =>
      properties['MapPublicIpOnLaunch'] === false ? undefined : 'It may give public addresses.',
  },
  {
    id: 'EC2.16',
    asks: 'There is no network ACL that nothing uses.',
    requirement: isolation,
    construct: network,
    types: ['AWS::EC2::NetworkAcl'],
    absent: true,
    judge: (acl) =>
      companions(acl, 'AWS::EC2::SubnetNetworkAclAssociation').length > 0 ? undefined : 'No subnet uses it.',
  },
  {
    id: 'EC2.18',
    asks: 'Security groups let anybody in on ports 80 and 443 only.',
    requirement: isolation,
    construct: firewall,
    test,
    checks: ['only-entrance-open', 'database-admits-app-only'],
    types: ['AWS::EC2::SecurityGroup', 'AWS::EC2::SecurityGroupIngress'],
    judge: (subject) => {
      const open = openIngress(subject).filter(
        ({ FromPort, ToPort }) => FromPort !== ToPort || !openPorts.includes(Number(FromPort)),
      );
      return open.length === 0 ? undefined : `Anybody reaches ${JSON.stringify(open)}.`;
    },
  },
  {
    id: 'EC2.19',
    asks: 'No port with high risk is open to anybody.',
    requirement: isolation,
    construct: firewall,
    test,
    checks: ['only-entrance-open'],
    types: ['AWS::EC2::SecurityGroup', 'AWS::EC2::SecurityGroupIngress'],
    judge: (subject) => {
      const risky = openIngress(subject).filter(({ FromPort, ToPort, IpProtocol }) =>
        riskyPorts.some(
          (port) => IpProtocol === '-1' || (Number(FromPort) <= port && port <= Number(ToPort)),
        ),
      );
      return risky.length === 0 ? undefined : `Anybody reaches ${JSON.stringify(risky)}.`;
    },
  },
  {
    id: 'EC2.21',
    asks: 'No network ACL lets anybody reach ports 22 and 3389.',
    requirement: isolation,
    construct: network,
    types: ['AWS::EC2::NetworkAclEntry'],
    absent: true,
    judge: ({ properties }) =>
      properties['Egress'] !== true &&
      properties['RuleAction'] === 'allow' &&
      /0\.0\.0\.0\/0|::\/0/.test(JSON.stringify(properties))
        ? 'It lets anybody in; security groups are where the silo says who may come in.'
        : undefined,
  },
  {
    id: 'EC2.172',
    asks: 'VPC Block Public Access blocks internet gateways.',
    requirement: isolation,
    construct: network,
    test,
    checks: ['routes-stay-in-silo'],
    outside:
      'A setting of the account and Region. A silo needs its internet gateway for the load balancer; the subnets of app and database have no route to it.',
  },
  {
    id: 'EC2.180',
    asks: 'Network interfaces check source and destination.',
    requirement: isolation,
    construct: network,
    outside:
      'The interfaces are made by ELB, ECS, RDS and the endpoints, with the check on, and no role of a silo can change them.',
  },
  {
    id: 'ACM.1',
    asks: 'A certificate is renewed before it ends.',
    requirement: inTransit,
    construct: 'stacks/constructs/alarms.ts',
    test: 'test/stacks/service-stack.test.ts',
    outside:
      'ACM renews a certificate with DNS validation by itself; the alarm CertificateExpiry rings when it did not.',
  },
  {
    id: 'ACM.2',
    asks: 'RSA certificates have keys of 2,048 bits or more.',
    requirement: inTransit,
    construct: entrance,
    types: ['AWS::CertificateManager::Certificate'],
    judge: ({ properties }) => {
      // Unset means RSA_2048 ("AWS::CertificateManager::Certificate", KeyAlgorithm).
      const algorithm = properties['KeyAlgorithm'] ?? 'RSA_2048';
      return /^(RSA_(2048|3072|4096)|EC_)/.test(said(algorithm))
        ? undefined
        : `Its key is ${said(algorithm)}.`;
    },
  },
  {
    id: 'ELB.1',
    asks: 'Plain HTTP is redirected to HTTPS.',
    requirement: inTransit,
    construct: entrance,
    test,
    checks: ['entrance-plain-redirected'],
    types: [listener],
    judge: ({ properties }) =>
      properties['Protocol'] !== 'HTTP' || redirectsToHttps(properties)
        ? undefined
        : 'It answers on plain HTTP.',
  },
  attributeControl('ELB.4', 'Invalid HTTP headers are dropped.', integrity, {
    attribute: 'routing.http.drop_invalid_header_fields.enabled',
    values: ['true'],
    checks: ['entrance-headers-checked'],
  }),
  attributeControl('ELB.5', 'Requests are logged.', audit, {
    attribute: 'access_logs.s3.enabled',
    values: ['true'],
    checks: ['entrance-access-logged'],
  }),
  attributeControl('ELB.6', 'The load balancer is protected from deletion.', operation, {
    attribute: 'deletion_protection.enabled',
    values: ['true'],
    checks: ['entrance-deletion-protected'],
  }),
  attributeControl('ELB.12', 'Ambiguous requests are refused.', integrity, {
    attribute: 'routing.http.desync_mitigation_mode',
    values: ['defensive', 'strictest'],
    checks: ['entrance-headers-checked'],
  }),
  {
    id: 'ELB.13',
    asks: 'The load balancer stands in two zones or more.',
    requirement: operation,
    construct: entrance,
    test,
    types: [loadBalancer],
    judge: ({ properties }) =>
      Array.isArray(properties['Subnets']) && properties['Subnets'].length >= 2
        ? undefined
        : `Subnets is ${said(properties['Subnets'])}.`,
  },
  {
    id: 'ELB.16',
    asks: 'A web ACL stands in front of the load balancer.',
    requirement: access,
    construct: webFirewall,
    checks: ['entrance-web-acl'],
    types: [loadBalancer],
    judge: (subject) =>
      companions(subject, 'AWS::WAFv2::WebACLAssociation').length > 0
        ? undefined
        : 'No web ACL is associated.',
  },
  {
    id: 'ELB.17',
    asks: 'TLS follows a recommended policy.',
    requirement: inTransit,
    construct: entrance,
    test,
    checks: ['entrance-tls'],
    types: [listener],
    judge: ({ properties }) =>
      properties['Protocol'] !== 'HTTPS' || recommendedTls.includes(said(properties['SslPolicy']))
        ? undefined
        : `SslPolicy is ${said(properties['SslPolicy'])}.`,
  },
  {
    id: 'ELB.18',
    asks: 'Every listener speaks HTTPS.',
    requirement: inTransit,
    construct: entrance,
    test,
    checks: ['entrance-plain-redirected'],
    types: [listener],
    judge: ({ properties }) =>
      properties['Protocol'] === 'HTTPS' ? undefined : `It speaks ${said(properties['Protocol'])}.`,
  },
  {
    id: 'WAF.10',
    asks: 'A web ACL has rules.',
    requirement: access,
    construct: webFirewall,
    checks: ['entrance-web-acl'],
    types: ['AWS::WAFv2::WebACL'],
    judge: ({ properties }) =>
      rulesOf(properties).length > 0 ? undefined : 'It has no rule and lets everything pass.',
  },
  {
    id: 'WAF.11',
    asks: 'A web ACL logs what it judged.',
    requirement: audit,
    construct: webFirewall,
    checks: ['entrance-web-acl-logged'],
    types: ['AWS::WAFv2::WebACL'],
    judge: (subject) =>
      companions(subject, 'AWS::WAFv2::LoggingConfiguration').length > 0 ? undefined : 'Nothing is logged.',
  },
  {
    id: 'WAF.12',
    asks: 'The rules of a web ACL report to CloudWatch.',
    requirement: monitoring,
    construct: webFirewall,
    types: ['AWS::WAFv2::WebACL'],
    judge: ({ properties }) => {
      const silent = [properties, ...rulesOf(properties)].filter(
        (each) => (each['VisibilityConfig'] as Properties | undefined)?.['CloudWatchMetricsEnabled'] !== true,
      );
      return silent.length === 0 ? undefined : 'A rule reports no figures.';
    },
  },
];

function endpointControl(id: string, service: string): Control {
  return {
    id,
    asks: `The VPC has an interface endpoint for ${service}.`,
    requirement: isolation,
    construct: endpoints,
    test,
    checks: ['endpoints-restricted'],
    types: ['AWS::EC2::VPC'],
    judge: (vpc) =>
      companions(vpc, 'AWS::EC2::VPCEndpoint').some((endpoint) =>
        JSON.stringify(endpoint.properties['ServiceName']).includes(`.${service}"`),
      )
        ? undefined
        : `It has no endpoint for ${service}.`,
  };
}

function attributeControl(
  id: string,
  asks: string,
  requirement: Control['requirement'],
  wanted: {
    readonly attribute: string;
    readonly values: readonly string[];
    readonly checks: readonly string[];
  },
): Control {
  return {
    id,
    asks,
    requirement,
    construct: entrance,
    test,
    checks: wanted.checks,
    types: [loadBalancer],
    judge: ({ properties }) => {
      const attributes = (properties['LoadBalancerAttributes'] ?? []) as readonly Properties[];
      const value = attributes.find(({ Key }) => Key === wanted.attribute)?.['Value'];
      return wanted.values.includes(said(value)) ? undefined : `${wanted.attribute} is ${said(value)}.`;
    },
  };
}

/** Rules that let in any address, wherever the template keeps them. */
function openIngress({ type, properties }: Subject): readonly Properties[] {
  const rules =
    type === 'AWS::EC2::SecurityGroup'
      ? ((properties['SecurityGroupIngress'] ?? []) as readonly Properties[])
      : [properties];
  return rules.filter(({ CidrIp, CidrIpv6 }) => CidrIp === '0.0.0.0/0' || CidrIpv6 === '::/0');
}

function redirectsToHttps({ DefaultActions }: Properties): boolean {
  const actions = (DefaultActions ?? []) as ReadonlyArray<{ Type: string; RedirectConfig?: Properties }>;
  return actions.every(
    ({ Type, RedirectConfig }) => Type === 'redirect' && RedirectConfig?.['Protocol'] === 'HTTPS',
  );
}

const rulesOf = (properties: Properties): readonly Properties[] =>
  (properties['Rules'] ?? []) as readonly Properties[];
