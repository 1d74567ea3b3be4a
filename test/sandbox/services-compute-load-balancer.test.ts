import {
  DeleteCertificateCommand,
  DescribeCertificateCommand,
  RequestCertificateCommand,
} from '@aws-sdk/client-acm';
import {
  CreateListenerCommand,
  CreateRuleCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DescribeRulesCommand,
  ModifyLoadBalancerAttributesCommand,
  ModifyRuleCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetRoleCommand, GetRolePolicyCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  GetHostedZoneCommand,
  ListHostedZonesByNameCommand,
  ListResourceRecordSetsCommand,
} from '@aws-sdk/client-route-53';
import type { ResourceOutcome } from '../../lib/sandbox/model.ts';
import { sandboxHostedZoneId as zoneId } from '../../lib/sandbox/services/route53/zones.ts';
import {
  type ComputeClients,
  computeClients,
  newSite,
  newTaskRole,
  visit,
} from './fixtures/services-compute-cloud.ts';
import { handlerOf, refusal, resourceContext, TestCloud } from './fixtures/services-data-cloud.ts';

let cloud: TestCloud;
let clients: ComputeClients;

beforeAll(async () => {
  cloud = await new TestCloud().start();
});

let account = 100_000_000_000;

/** Each test has an account of its own, so that none sees another's resources. */
beforeEach(() => {
  account += 1;
  clients = computeClients(cloud.sandbox.endpoint, String(account));
});

afterAll(() => cloud.stop());

const context = (logicalId: string) => ({ ...resourceContext(cloud, logicalId), accountId: String(account) });

async function create(
  type: string,
  logicalId: string,
  properties: Record<string, unknown>,
): Promise<ResourceOutcome> {
  return handlerOf(type).create(properties, context(logicalId));
}

describe('load balancers, names and certificates', () => {
  test('a host name leads through Route 53 to the rules of its load balancer, and to nobody without one', async () => {
    const site = await newSite(clients, 'silo');
    const zone = await clients.route53.send(
      new CreateHostedZoneCommand({ Name: 'example.test', CallerReference: 'one' }),
    );
    const HostedZoneId = zone.HostedZone?.Id;
    const change = (Name: string, DNSName: string) =>
      clients.route53.send(
        new ChangeResourceRecordSetsCommand({
          HostedZoneId,
          ChangeBatch: {
            Changes: [
              {
                Action: 'CREATE',
                ResourceRecordSet: {
                  Name,
                  Type: 'A',
                  AliasTarget: { DNSName, HostedZoneId: 'Z35SXDOTRQ7X7K', EvaluateTargetHealth: false },
                },
              },
            ],
          },
        }),
      );
    await change('bright.example.test', site.dnsName);
    await clients.elb.send(
      new CreateRuleCommand({
        ListenerArn: site.listenerArn,
        Priority: 1,
        Conditions: [
          { Field: 'host-header', HostHeaderConfig: { Values: ['Bright.*'] } },
          { Field: 'path-pattern', PathPatternConfig: { Values: ['/hello*'] } },
        ],
        Actions: [
          {
            Type: 'fixed-response',
            FixedResponseConfig: { StatusCode: '418', MessageBody: 'tea', ContentType: 'text/plain' },
          },
        ],
      }),
    );
    const at = (host: string, path: string) => visit(cloud.sandbox.endpoint, host, path);
    expect(await at('bright.example.test', '/hello/you')).toMatchObject({ status: 418, body: 'tea' });
    expect((await at('bright.example.test', '/other')).body).toContain('runs without a data plane');
    expect((await at('bright.example.test', '/other')).status).toBe(503);
    expect((await at(site.dnsName, '/hello')).status).toBe(503);
    expect((await at('unknown.example.test', '/hello')).status).not.toBe(418);

    expect(await refusal(change('bright.example.test', site.dnsName))).toEqual({
      name: 'InvalidChangeBatch',
      message: `[Tried to create resource record set [name='bright.example.test.', type='A'] but it already exists]`,
    });
    expect(await refusal(change('bright.example.com', site.dnsName))).toEqual({
      name: 'InvalidChangeBatch',
      message: '[RRSet with DNS name bright.example.com. is not permitted in zone example.test.]',
    });
    const { Rules } = await clients.elb.send(new DescribeRulesCommand({ ListenerArn: site.listenerArn }));
    expect(Rules?.map((rule) => rule.Priority)).toEqual(['1', 'default']);
  });

  test('the default account has the zone practices.localhost from the start', async () => {
    const { route53 } = computeClients(cloud.sandbox.endpoint);
    const { HostedZone } = await route53.send(new GetHostedZoneCommand({ Id: zoneId }));
    expect(HostedZone).toMatchObject({
      Id: `/hostedzone/${zoneId}`,
      Name: 'practices.localhost.',
      ResourceRecordSetCount: 2,
    });
    const named = await route53.send(new ListHostedZonesByNameCommand({ DNSName: 'practices.localhost' }));
    expect(named.HostedZones?.map((zone) => zone.Name)).toEqual(['practices.localhost.']);
    expect(await refusal(clients.route53.send(new GetHostedZoneCommand({ Id: zoneId })))).toMatchObject({
      name: 'NoSuchHostedZone',
    });
  });

  test('HTTP redirects to HTTPS, and HTTPS needs an issued certificate', async () => {
    const site = await newSite(clients, 'secure');
    const { CertificateArn } = await clients.acm.send(
      new RequestCertificateCommand({ DomainName: 'secure.example.test', ValidationMethod: 'DNS' }),
    );
    const https = new CreateListenerCommand({
      LoadBalancerArn: site.loadBalancerArn,
      Protocol: 'HTTPS',
      Port: 443,
      Certificates: [{ CertificateArn }],
      DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
    });
    expect(await refusal(clients.elb.send(https))).toMatchObject({ name: 'UnsupportedCertificate' });

    const pending = await clients.acm.send(new DescribeCertificateCommand({ CertificateArn }));
    const wanted = pending.Certificate?.DomainValidationOptions?.[0]?.ResourceRecord;
    expect(pending.Certificate?.Status).toBe('PENDING_VALIDATION');
    const zone = await clients.route53.send(
      new CreateHostedZoneCommand({ Name: 'secure.example.test', CallerReference: 'two' }),
    );
    const ResourceRecordSet = {
      Name: wanted?.Name,
      Type: 'CNAME' as const,
      TTL: 60,
      ResourceRecords: [{ Value: wanted?.Value }],
    };
    await clients.route53.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: zone.HostedZone?.Id,
        ChangeBatch: { Changes: [{ Action: 'UPSERT', ResourceRecordSet }] },
      }),
    );
    await clients.elb.send(https);
    const issued = await clients.acm.send(new DescribeCertificateCommand({ CertificateArn }));
    expect(issued.Certificate).toMatchObject({ Status: 'ISSUED', InUseBy: [site.loadBalancerArn] });
    expect(await refusal(clients.acm.send(new DeleteCertificateCommand({ CertificateArn })))).toMatchObject({
      name: 'ResourceInUseException',
    });
    expect((await visit(cloud.sandbox.endpoint, site.dnsName)).status).toBe(404);
  });

  test('a redirect says where to, and keeps the query unless it says another', async () => {
    const site = await newSite(clients, 'moved');
    const redirect = {
      Type: 'redirect' as const,
      RedirectConfig: { Protocol: 'HTTPS', Port: '443', StatusCode: 'HTTP_301' as const },
    };
    await clients.elb.send(
      new CreateRuleCommand({
        ListenerArn: site.listenerArn,
        Priority: 1,
        Conditions: [{ Field: 'path-pattern', Values: ['/*'] }],
        Actions: [redirect],
      }),
    );
    const locationOf = async (path: string) =>
      (await visit(cloud.sandbox.endpoint, site.dnsName, path)).location?.replace(site.dnsName, 'name');
    expect((await visit(cloud.sandbox.endpoint, site.dnsName, '/chart')).status).toBe(301);
    expect(await locationOf('/chart')).toBe('https://name:443/chart');
    expect(await locationOf('/chart?week=2&of=%2Fa')).toBe('https://name:443/chart?week=2&of=%2Fa');
    const other = { ...redirect, RedirectConfig: { ...redirect.RedirectConfig, Query: 'was=#{path}' } };
    const { Rules } = await clients.elb.send(new DescribeRulesCommand({ ListenerArn: site.listenerArn }));
    await clients.elb.send(new ModifyRuleCommand({ RuleArn: Rules?.[0]?.RuleArn, Actions: [other] }));
    expect(await locationOf('/chart?week=2')).toBe('https://name:443/chart?was=chart');
  });

  test('what protects and what is in use is not deleted, and no attribute takes nonsense', async () => {
    const site = await newSite(clients, 'kept');
    const attributes = [{ Key: 'deletion_protection.enabled', Value: 'true' }];
    const { loadBalancerArn: LoadBalancerArn, targetGroupArn: TargetGroupArn } = site;
    await clients.elb.send(
      new ModifyLoadBalancerAttributesCommand({ LoadBalancerArn, Attributes: attributes }),
    );
    expect(await refusal(clients.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn })))).toMatchObject(
      {
        message: `Load balancer '${LoadBalancerArn}' cannot be deleted because deletion protection is enabled`,
      },
    );
    const never = [{ Key: 'idle_timeout.timeout_seconds', Value: '0' }];
    const patience = new ModifyLoadBalancerAttributesCommand({ LoadBalancerArn, Attributes: never });
    expect(await refusal(clients.elb.send(patience))).toMatchObject({
      message: expect.stringContaining('from 1 to 4000'),
    });
    expect(await refusal(clients.elb.send(new DeleteTargetGroupCommand({ TargetGroupArn })))).toMatchObject({
      message: `Target group '${TargetGroupArn}' is currently in use by a listener or a rule`,
    });
  });

  test('a certificate in CloudFormation is issued by the zone that the template names, or fails and says what is missing', async () => {
    const properties = { DomainName: 'bright.example.test', ValidationMethod: 'DNS' };
    expect(await refusal(create('AWS::CertificateManager::Certificate', 'None', properties))).toMatchObject({
      message: expect.stringContaining('no DNS record validates bright.example.test'),
    });
    const zone = await clients.route53.send(
      new CreateHostedZoneCommand({ Name: 'example.test', CallerReference: 'three' }),
    );
    const HostedZoneId = zone.HostedZone?.Id?.replace('/hostedzone/', '') ?? '';
    const DomainValidationOptions = [{ DomainName: 'bright.example.test', HostedZoneId }];
    const made = await create('AWS::CertificateManager::Certificate', 'Some', {
      ...properties,
      DomainValidationOptions,
    });
    const { Certificate } = await clients.acm.send(
      new DescribeCertificateCommand({ CertificateArn: made.physicalId }),
    );
    expect(Certificate?.Status).toBe('ISSUED');
    const { ResourceRecordSets } = await clients.route53.send(
      new ListResourceRecordSetsCommand({ HostedZoneId }),
    );
    expect(ResourceRecordSets?.map((record) => record.Type).sort()).toEqual(['CNAME', 'NS', 'SOA']);
  });
});

describe('IAM', () => {
  test('roles carry their documents as they were given, and refuse what is no policy', async () => {
    await newTaskRole(clients, 'task');
    const role = await clients.iam.send(new GetRoleCommand({ RoleName: 'task' }));
    expect(JSON.parse(decodeURIComponent(role.Role?.AssumeRolePolicyDocument ?? ''))).toMatchObject({
      Version: '2012-10-17',
    });
    const policy = (PolicyDocument: string) =>
      clients.iam.send(new PutRolePolicyCommand({ RoleName: 'task', PolicyName: 'app', PolicyDocument }));
    expect(await refusal(policy('{"Statement": []'))).toMatchObject({
      name: 'MalformedPolicyDocumentException',
    });
    expect(await refusal(policy('{"Statement": []}'))).toMatchObject({
      name: 'MalformedPolicyDocumentException',
    });
    const document = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' }],
    };
    await policy(JSON.stringify(document));
    const read = await clients.iam.send(new GetRolePolicyCommand({ RoleName: 'task', PolicyName: 'app' }));
    expect(JSON.parse(decodeURIComponent(read.PolicyDocument ?? ''))).toEqual(document);
    expect(await refusal(clients.iam.send(new GetRoleCommand({ RoleName: 'none' })))).toEqual({
      name: 'NoSuchEntityException',
      message: 'The role with name none cannot be found.',
    });
  });
});
