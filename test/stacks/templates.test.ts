import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Component, synthesise } from '../../stacks/release/synthesis.ts';
import { type Properties, type Resource, resourcesOf, type Template, textOf } from './template.ts';

/** What an auditor asks of a silo, asked of the templates that every silo is made from. */
const synthesis = synthesise();
const template = (component: Component): Template =>
  JSON.parse(synthesis.templates[component].body) as Template;
const templates = {
  foundation: template('foundation'),
  data: template('data'),
  service: template('service'),
};
const everything = Object.values(templates);
const contract = readFileSync(join(__dirname, '..', '..', 'docs', 'silo.md'), 'utf8');

const foundation = (type: string): Resource[] => resourcesOf(templates.foundation, type);
const the = (component: Component, type: string): Properties => {
  const found = resourcesOf(templates[component], type);
  expect(found).toHaveLength(1);
  return found[0]?.Properties ?? {};
};

describe('encryption at rest', () => {
  test('the practice has one key, rotated every year, that outlives its stack', () => {
    expect(the('foundation', 'AWS::KMS::Key')).toMatchObject({
      MultiRegion: true,
      EnableKeyRotation: true,
      RotationPeriodInDays: 365,
      PendingWindowInDays: 30,
    });
    expect(templates.foundation.Resources['Key']).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test('every log group is under that key', () => {
    const groups = everything.flatMap((each) => resourcesOf(each, 'AWS::Logs::LogGroup'));
    expect(groups).toHaveLength(3);
    for (const group of groups)
      expect(group.Properties?.['KmsKeyId']).toEqual({ 'Fn::GetAtt': ['Key', 'Arn'] });
  });
});

describe('the network', () => {
  test('has no NAT gateway, no peering, no custom code and no other way in or out than the load balancer', () => {
    const types = new Set(
      everything.flatMap(({ Resources }) => Object.values(Resources).map(({ Type }) => Type)),
    );
    for (const type of types)
      expect(type).not.toMatch(/NatGateway|Peering|TransitGateway|VPN|Lambda|CustomResource|^Custom::/);
    const open = foundation('AWS::EC2::Route').filter((route) => textOf(route).includes('0.0.0.0/0'));
    expect(open.map(({ Properties }) => Properties?.['RouteTableId'])).toEqual([
      { Ref: 'NetworkPublicRouteTable' },
    ]);
  });

  test("only the load balancer's subnets use the route table that leads to the internet", () => {
    const subnetsOf = (table: string): unknown[] =>
      foundation('AWS::EC2::SubnetRouteTableAssociation')
        .filter(({ Properties }) => textOf(Properties?.['RouteTableId']) === textOf({ Ref: table }))
        .map(({ Properties }) => Properties?.['SubnetId']);
    expect(subnetsOf('NetworkPublicRouteTable')).toEqual(
      the('foundation', 'AWS::ElasticLoadBalancingV2::LoadBalancer')['Subnets'],
    );
    expect(subnetsOf('NetworkAppRouteTable')).toEqual([
      { Ref: 'NetworkAppSubnet1' },
      { Ref: 'NetworkAppSubnet2' },
    ]);
    expect(subnetsOf('NetworkDatabaseRouteTable')).toEqual([
      { Ref: 'NetworkDatabaseSubnet1' },
      { Ref: 'NetworkDatabaseSubnet2' },
    ]);
    for (const subnet of foundation('AWS::EC2::Subnet'))
      expect(subnet.Properties?.['MapPublicIpOnLaunch']).toBe(false);
  });

  test('any address may open connections to the load balancer on 443 and 80, and to nothing else', () => {
    const rules: Properties[] = [
      ...foundation('AWS::EC2::SecurityGroup').flatMap(({ Properties }) => [
        ...((Properties?.['SecurityGroupIngress'] ?? []) as Properties[]).map((rule) => ({
          ...rule,
          on: Properties?.['GroupDescription'],
        })),
        ...((Properties?.['SecurityGroupEgress'] ?? []) as Properties[]),
      ]),
      ...foundation('AWS::EC2::SecurityGroupIngress').map(({ Properties = {} }) => Properties),
      ...foundation('AWS::EC2::SecurityGroupEgress').map(({ Properties = {} }) => Properties),
    ];
    const open = rules.filter((rule) => /0\.0\.0\.0\/0|::\/0/.test(textOf(rule)));
    expect(open.map((rule) => [rule['FromPort'], rule['ToPort'], rule['on']])).toEqual([
      [443, 443, expect.stringMatching(/^Load balancer/)],
      [80, 80, expect.stringMatching(/^Load balancer/)],
    ]);
  });

  test('no security group keeps the default rule that lets everything out', () => {
    for (const group of foundation('AWS::EC2::SecurityGroup')) {
      expect(group.Properties?.['SecurityGroupEgress']).toEqual([
        expect.objectContaining({ CidrIp: '127.0.0.1/32', IpProtocol: '-1' }),
      ]);
    }
  });

  test('the database is reached by the app, and by nobody else', () => {
    const into = foundation('AWS::EC2::SecurityGroupIngress').filter(
      ({ Properties }) =>
        textOf(Properties?.['GroupId']) === textOf({ 'Fn::GetAtt': ['FirewallDatabase', 'GroupId'] }),
    );
    expect(into.map(({ Properties }) => Properties)).toEqual([
      expect.objectContaining({
        FromPort: 5432,
        ToPort: 5432,
        SourceSecurityGroupId: { 'Fn::GetAtt': ['FirewallApp', 'GroupId'] },
      }),
    ]);
  });

  test('the app reaches AWS by endpoints that serve this account only', () => {
    const endpoints = foundation('AWS::EC2::VPCEndpoint').map(({ Properties }) => Properties ?? {});
    const service = (endpoint: Properties) =>
      /\.([a-z0-9.]+)"\]\]/.exec(textOf(endpoint['ServiceName']))?.[1];
    expect(new Set(endpoints.map(service))).toEqual(
      new Set(['ecr.api', 'ecr.dkr', 'kms', 'logs', 's3', 'secretsmanager']),
    );
    for (const endpoint of endpoints.filter((each) => each['VpcEndpointType'] === 'Interface')) {
      const { Statement: statements } = endpoint['PolicyDocument'] as { Statement: Properties[] };
      for (const statement of statements)
        expect(textOf(statement['Condition'])).toContain('aws:PrincipalAccount');
    }
  });

  test('every connection is recorded', () => {
    expect(the('foundation', 'AWS::EC2::FlowLog')).toMatchObject({
      TrafficType: 'ALL',
      ResourceId: { Ref: 'NetworkVpc' },
    });
  });
});

describe('the address', () => {
  test('is HTTPS with a TLS 1.3 policy; plain HTTP is redirected; an unknown host gets 404', () => {
    const listeners = foundation('AWS::ElasticLoadBalancingV2::Listener').map(({ Properties }) => Properties);
    expect(listeners).toEqual([
      expect.objectContaining({
        Protocol: 'HTTPS',
        Port: 443,
        SslPolicy: expect.stringMatching(/^ELBSecurityPolicy-TLS13-/) as string,
        DefaultActions: [
          expect.objectContaining({
            FixedResponseConfig: expect.objectContaining({ StatusCode: '404' }) as object,
          }),
        ],
      }),
      expect.objectContaining({
        Protocol: 'HTTP',
        Port: 80,
        DefaultActions: [
          { Type: 'redirect', RedirectConfig: { Port: '443', Protocol: 'HTTPS', StatusCode: 'HTTP_301' } },
        ],
      }),
    ]);
    expect(the('foundation', 'AWS::CertificateManager::Certificate')).toMatchObject({
      ValidationMethod: 'DNS',
      DomainName: { Ref: 'HostName' },
    });
    expect(the('foundation', 'AWS::ElasticLoadBalancingV2::LoadBalancer')['LoadBalancerAttributes']).toEqual(
      expect.arrayContaining([
        { Key: 'routing.http.drop_invalid_header_fields.enabled', Value: 'true' },
        { Key: 'routing.http.desync_mitigation_mode', Value: 'strictest' },
      ]),
    );
  });

  test('who asked for what is recorded, and the record is kept', () => {
    const attributes = new Map(
      (
        the('foundation', 'AWS::ElasticLoadBalancingV2::LoadBalancer')['LoadBalancerAttributes'] as {
          Key: string;
          Value: unknown;
        }[]
      ).map(({ Key, Value }) => [Key, Value] as const),
    );
    expect(attributes.get('access_logs.s3.enabled')).toBe('true');
    expect(attributes.get('access_logs.s3.bucket')).toEqual({ Ref: 'LogBucket' });
    expect(templates.foundation.Resources['LogBucket']).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      Properties: { VersioningConfiguration: { Status: 'Enabled' } },
    });
    expect(the('foundation', 'AWS::WAFv2::LoggingConfiguration')).toMatchObject({
      // The ARN as AWS WAF wants it, without the `:*` that the group's own ends in.
      LogDestinationConfigs: [
        { 'Fn::Join': ['', expect.arrayContaining([':log-group:', { Ref: 'WebFirewallLogGroup' }])] },
      ],
      RedactedFields: [{ SingleHeader: { Name: 'authorization' } }, { SingleHeader: { Name: 'cookie' } }],
    });
    // AWS WAF writes to groups of this prefix only.
    expect(textOf(templates.foundation.Resources['WebFirewallLogGroup']?.Properties)).toContain(
      'aws-waf-logs-',
    );
  });

  test('is behind a firewall whose samples cannot show what its log leaves out', () => {
    const acl = the('foundation', 'AWS::WAFv2::WebACL');
    expect(textOf(acl)).not.toContain('"SampledRequestsEnabled":true');
    const names = (acl['Rules'] as { Name: string; OverrideAction?: object }[]).map(({ Name }) => Name);
    expect(names).toEqual([
      'rate-limit',
      'AWSManagedRulesCommonRuleSet',
      'AWSManagedRulesKnownBadInputsRuleSet',
      'AWSManagedRulesSQLiRuleSet',
    ]);
    // A group that is only counted would block nothing.
    expect(textOf(acl)).not.toContain('"OverrideAction":{"Count"');
    expect(the('foundation', 'AWS::WAFv2::WebACLAssociation')['ResourceArn']).toEqual({
      Ref: 'EntranceLoadBalancer',
    });
  });

  test('is protected from deletion, and made after everything that may fail: a roll-back cannot remove it', () => {
    const balancer = templates.foundation.Resources['EntranceLoadBalancer'];
    expect(balancer?.Properties?.['LoadBalancerAttributes']).toContainEqual({
      Key: 'deletion_protection.enabled',
      Value: 'true',
    });
    const later = Object.entries(templates.foundation.Resources)
      .filter(
        ([id, resource]) => id !== 'EntranceLoadBalancer' && !reaches(balancer, id) && !waitsForIt(resource),
      )
      .map(([id]) => id);
    // What neither comes before it nor needs it: harmless parts of the network, and the subscription, which may not exist.
    expect(later.filter((id) => !/^(Network|Firewall|KeyAlias$|AlarmTopicEmail$)/.test(id))).toEqual([]);
  });

  const dependencies = (resource: Resource | undefined): string[] => [
    ...[resource?.DependsOn ?? []].flat(),
    ...[...textOf(resource?.Properties).matchAll(/"(?:Ref|Fn::GetAtt)":(?:"(\w+)"|\["(\w+)")/g)].map(
      ([, ref, attribute]) => ref ?? attribute ?? '',
    ),
  ];
  const reaches = (from: Resource | undefined, id: string, seen = new Set<string>()): boolean =>
    dependencies(from).some((next) => {
      if (next === id) return true;
      if (seen.has(next)) return false;
      seen.add(next);
      return reaches(templates.foundation.Resources[next], id, seen);
    });
  const waitsForIt = (resource: Resource): boolean => reaches(resource, 'EntranceLoadBalancer');
});

describe('documents and alarms', () => {
  test("the bucket is under the practice's key, versioned, closed to the public, and outlives its stack", () => {
    expect(templates.foundation.Resources['Bucket']).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            {
              BucketKeyEnabled: true,
              ServerSideEncryptionByDefault: {
                SSEAlgorithm: 'aws:kms',
                KMSMasterKeyID: { 'Fn::GetAtt': ['Key', 'Arn'] },
              },
            },
          ],
        },
        VersioningConfiguration: { Status: 'Enabled' },
        LoggingConfiguration: { DestinationBucketName: { Ref: 'LogBucket' } },
      },
    });
    for (const bucket of foundation('AWS::S3::Bucket')) {
      expect(bucket.Properties?.['PublicAccessBlockConfiguration']).toEqual({
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      });
    }
  });

  test('alarms go to a topic under the key, and by e-mail only to an address that was given', () => {
    expect(the('foundation', 'AWS::SNS::Topic')['KmsMasterKeyId']).toEqual({ 'Fn::GetAtt': ['Key', 'Arn'] });
    expect(templates.foundation.Resources['AlarmTopicEmail']).toMatchObject({
      Condition: 'AlarmTopicSomebodyIsTold',
    });
    expect(templates.foundation.Parameters['AlarmEmail']?.Default).toBe('');
  });

  test('endpoints stand in one zone or in both, as the plan decides', () => {
    for (const { Properties } of foundation('AWS::EC2::VPCEndpoint')) {
      if (Properties?.['VpcEndpointType'] !== 'Interface') continue;
      expect(Properties['SubnetIds']).toEqual({
        'Fn::If': [
          'EndpointsInAllZones',
          [{ Ref: 'NetworkAppSubnet1' }, { Ref: 'NetworkAppSubnet2' }],
          [{ Ref: 'NetworkAppSubnet1' }],
        ],
      });
    }
  });
});

describe('one template for every practice', () => {
  test('names no account, Region, zone or practice, and carries nothing of CDK', () => {
    const forbidden = /\b\d{12}\b|\b(us|eu|ap|ca|sa)-[a-z]+-\d|aws:cdk|AWS::CDK|BootstrapVersion|"Tags":/g;
    for (const { Parameters: _, ...each } of everything) {
      expect(textOf(each).match(forbidden) ?? []).toEqual([]);
      expect(Object.keys(each)).not.toEqual(expect.arrayContaining(['Rules']));
      expect(Object.keys(each)).not.toEqual(expect.arrayContaining(['Mappings']));
    }
  });

  test.each(['foundation', 'data', 'service'] as const)(
    'parameters and outputs of %s are those of docs/silo.md',
    (component) => {
      const row = contract.split('\n').find((line) => line.startsWith(`| ${component} |`)) ?? '';
      const [, , parameters = '', outputs = ''] = row.split(' | ').flatMap((cell) => cell.split(/^\| /));
      const names = (cell: string) =>
        new Set([...cell.matchAll(/`([A-Z][A-Za-z0-9]+)`/g)].map(([, name]) => name));
      expect(names(parameters)).toEqual(new Set(Object.keys(templates[component].Parameters)));
      expect(names(outputs)).toEqual(new Set(Object.keys(templates[component].Outputs)));
    },
  );

  test('a parameter that an earlier stack gives out needs no default, and only these may be left out', () => {
    const given = new Set<string>();
    for (const { Parameters, Outputs } of everything) {
      for (const [name, { Default }] of Object.entries(Parameters))
        if (given.has(name)) expect(Default).toBeUndefined();
      for (const name of Object.keys(Outputs)) given.add(name);
    }
    const optional = everything.flatMap(({ Parameters }) =>
      Object.entries(Parameters).filter(([, { Default }]) => Default !== undefined),
    );
    expect(optional.map(([name]) => name)).toEqual([
      'S3PrefixListId',
      'AlarmEmail',
      'BackupCopyRegion',
      'DatabaseMaintenanceWindow',
      'SnapshotIdentifier',
      'Access',
      'OwnerEmail',
      'OwnerInvitationSha256',
      'OwnerInvitationExpiresAt',
    ]);
  });

  test('what holds data, or is the way to it, keeps its logical id: another one would replace it in every silo', () => {
    const pinned = {
      foundation: {
        Key: 'AWS::KMS::Key',
        NetworkVpc: 'AWS::EC2::VPC',
        AppLogGroup: 'AWS::Logs::LogGroup',
        NetworkRecordLogGroup: 'AWS::Logs::LogGroup',
        WebFirewallLogGroup: 'AWS::Logs::LogGroup',
        Bucket: 'AWS::S3::Bucket',
        LogBucket: 'AWS::S3::Bucket',
      },
      data: {
        DatabaseInstance: 'AWS::RDS::DBInstance',
        DatabaseSubnetGroup: 'AWS::RDS::DBSubnetGroup',
        DatabaseParameterGroup: 'AWS::RDS::DBParameterGroup',
        BackupVault: 'AWS::Backup::BackupVault',
      },
    };
    for (const [id, Type] of Object.entries(pinned.foundation))
      expect(templates.foundation.Resources[id]).toMatchObject({ Type });
    for (const [id, Type] of Object.entries(pinned.data))
      expect(templates.data.Resources[id]).toMatchObject({ Type });
  });

  test('the resources of a silo', () => {
    const summary = Object.fromEntries(
      Object.entries(templates).map(([component, { Resources }]) => [
        component,
        Object.entries(Resources).map(([id, { Type, DeletionPolicy }]) =>
          [id, Type, DeletionPolicy].filter((part) => part !== undefined).join(' '),
        ),
      ]),
    );
    expect(summary).toMatchSnapshot();
  });
});
