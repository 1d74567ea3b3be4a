import type { SiloExpectations, SiloFacts } from '../../lib/domain/silo-check.ts';
import type { SecurityGroupFacts } from '../../lib/domain/silo-facts.ts';

export const at = '2026-11-21T20:00:00.000Z';
const keyArn = 'arn:aws:kms:us-east-1:000000000000:key/11111111-1111-4111-8111-111111111111';
export const otherKey = 'arn:aws:kms:us-east-1:000000000000:key/22222222-2222-4222-8222-222222222222';
const secretArn = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:rds!db-1-AbCdEf';
const loadBalancerArn = 'arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/a/1';
const imageDigest = `sha256:${'a'.repeat(64)}`;

export const expectations: SiloExpectations = {
  practiceId: 'sunrise-aba',
  releaseId: 'r-0123456789ab',
  access: 'open',
  imageDigest,
  keyArn,
  vpcId: 'vpc-1',
  loadBalancerArn,
  appSecurityGroupId: 'sg-app',
  databaseSecretArn: secretArn,
  databaseSubnetIds: ['subnet-d1', 'subnet-d2'],
  appSubnetIds: ['subnet-a1'],
  databaseInstanceArn: 'arn:aws:rds:us-east-1:000000000000:db:db-1',
  engineVersion: '18.1',
  multiAz: true,
  backupRetentionDays: 90,
  backupVaultName: 'vault',
  bucketName: 'bucket',
  appLogGroupName: '/lumenality/sunrise-aba/app',
  webAclArn: 'arn:aws:wafv2:us-east-1:000000000000:regional/webacl/a/1',
  desiredCount: 1,
  maxCount: 2,
};

export const policy = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
export const roleArn = (name: string) => `arn:aws:iam::000000000000:role/lumenality-cell/${name}`;
/** As a foundation template has it: the deploy role may use the key through the services that keep the data. */
export const denials = {
  controlPlane: {
    Effect: 'Deny',
    Principal: '*',
    Action: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*', 'kms:CreateGrant'],
    Resource: '*',
    Condition: { ArnEquals: { 'aws:PrincipalArn': roleArn('control-plane') } },
  },
  deploy: {
    Effect: 'Deny',
    Principal: '*',
    Action: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    Resource: '*',
    Condition: {
      ArnEquals: { 'aws:PrincipalArn': roleArn('deploy') },
      StringNotEqualsIfExists: { 'kms:ViaService': ['rds.us-east-1.amazonaws.com'] },
    },
  },
  grants: {
    Effect: 'Deny',
    Principal: '*',
    Action: 'kms:CreateGrant',
    Resource: '*',
    Condition: {
      ArnEquals: { 'aws:PrincipalArn': roleArn('deploy') },
      BoolIfExists: { 'kms:GrantIsForAWSResource': 'false' },
    },
  },
};
export const tlsOnly = {
  Effect: 'Deny',
  Principal: '*',
  Action: 's3:*',
  Resource: '*',
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
};
export const fullAccess = { Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' };

/** The values of a silo that is exactly as promised; what a test changes is the one thing that is wrong. */
export const sound = () => ({
  key: {
    arn: keyArn,
    state: 'Enabled',
    manager: 'CUSTOMER',
    rotating: true,
    rotationPeriodDays: 365 as number | null,
    tags: { 'lumenality:practice': 'sunrise-aba' } as Record<string, string>,
    policy: policy(denials.controlPlane, denials.deploy, denials.grants),
  },
  keySharedWith: [] as string[],
  database: {
    id: 'db-1',
    status: 'available',
    encrypted: true,
    keyArn: keyArn as string | null,
    public: false,
    deletionProtection: true,
    backupRetentionDays: 35,
    parameterGroup: { name: 'pg', applyStatus: 'in-sync' } as { name: string; applyStatus: string } | null,
    vpcId: 'vpc-1' as string | null,
    subnetIds: ['subnet-d2', 'subnet-d1'],
    securityGroupIds: ['sg-db'],
    masterSecretArn: secretArn as string | null,
    engineVersion: '18.1',
    multiAz: true,
    iamAuthentication: true,
    monitoringIntervalSeconds: 60,
    logExports: ['upgrade', 'postgresql'],
  },
  forceTls: '1' as string | undefined,
  databaseIngress: {
    'sg-db': [
      { protocol: 'tcp', fromPort: 5432 as number | null, toPort: 5432 as number | null, source: 'sg-app' },
    ],
  },
  secret: {
    arn: secretArn,
    keyArn: keyArn as string | null,
    owningService: 'rds' as string | null,
    deletedAt: null as string | null,
  },
  vpcTags: { 'lumenality:practice': 'sunrise-aba' } as Record<string, string>,
  vpcSharedWith: [] as string[],
  defaultSecurityGroup: {
    id: 'sg-default',
    name: 'default',
    rules: [] as SecurityGroupFacts['rules'][number][],
  },
  networkConnections: [] as {
    kind: 'peering' | 'transit-gateway' | 'vpn';
    id: string;
    state: string;
  }[],
  routeTables: [
    { id: 'rtb-main', main: true, subnetIds: [] as string[], routes: [local()] },
    {
      id: 'rtb-public',
      main: false,
      subnetIds: ['subnet-p1'],
      routes: [local(), { destination: '0.0.0.0/0', target: 'igw-1' }],
    },
    {
      id: 'rtb-app',
      main: false,
      subnetIds: ['subnet-a1'],
      routes: [local(), { destination: 'pl-1', target: 'vpce-1' }],
    },
    { id: 'rtb-db', main: false, subnetIds: ['subnet-d1', 'subnet-d2'], routes: [local()] },
  ],
  endpoints: [
    {
      id: 'vpce-1',
      service: 'com.amazonaws.us-east-1.kms',
      state: 'available',
      policy: policy({ ...fullAccess, Action: 'kms:Decrypt', Resource: keyArn }) as string | null,
    },
  ],
  openings: {
    entranceGroupIds: ['sg-lb'],
    groups: [
      { id: 'sg-lb', name: 'lb', rules: [inbound('0.0.0.0/0', 443), inbound('0.0.0.0/0', 80)] },
      {
        id: 'sg-app',
        name: 'app',
        rules: [inbound('sg-lb', 8080), { ...inbound('pl-1', 443), outbound: true }],
      },
    ],
  },
  loadBalancer: {
    securityGroupIds: ['sg-lb'],
    deletionProtection: true,
    accessLogBucket: 'logs' as string | null,
    dropsInvalidHeaders: true,
    desyncMitigation: 'strictest',
    plainAnswers: [] as string[],
  },
  webAcl: { arn: expectations.webAclArn, rules: ['common'], logDestinations: ['arn:logs'] } as
    | { arn: string; rules: string[]; logDestinations: string[] }
    | undefined,
  bucket: {
    name: 'bucket',
    encryption: 'aws:kms' as string | null,
    keyArn: keyArn as string | null,
    publicAccessBlocked: true,
    versioned: true,
    policy: policy(tlsOnly) as string | null,
  },
  backupVault: {
    name: 'vault',
    keyArn: keyArn as string | null,
    locked: true,
    leastRetentionDays: 35 as number | null,
  },
  backupPlan: {
    resources: ['arn:aws:s3:::bucket', expectations.databaseInstanceArn],
    rules: [{ name: 'daily', vault: 'vault', copies: ['arn:copies'], deleteAfterDays: 90 as number | null }],
  },
  logGroups: [
    {
      name: '/lumenality/sunrise-aba/app',
      keyArn: keyArn as string | null,
      retentionDays: 2192 as number | null,
    },
    { name: 'aws-waf-logs-lumenality-sunrise-aba', keyArn, retentionDays: 365 },
  ],
  listener: {
    loadBalancerArn,
    protocol: 'HTTPS',
    port: 443,
    tlsPolicy: 'ELBSecurityPolicy-TLS13-1-2-Res-2021-06' as string | null,
    certificates: 1,
  },
  rules: [
    { priority: '1', hosts: ['sunrise-aba.example'], narrower: false, actions: ['forward'] },
    { priority: 'default', hosts: [] as string[], narrower: false, actions: ['fixed-response 404'] },
  ],
  address: { status: 200, tls: 'TLSv1.3' as string | null },
  targetGroups: [{ name: 'app', protocol: 'HTTPS', healthCheckProtocol: 'HTTPS' }],
  service: {
    status: 'ACTIVE',
    desired: 1,
    running: 1,
    pending: 0,
    rollouts: ['COMPLETED'],
    taskDefinitionArn: 'app:1',
    commandExecution: false,
  },
  taskDefinition: {
    arn: 'app:1',
    containers: [
      {
        name: 'app',
        image: `registry/app@${imageDigest}`,
        user: '10001:10001' as string | null,
        readOnlyRoot: true,
        privileged: false,
      },
    ],
  },
  tasks: [
    {
      arn: 'task/1',
      lastStatus: 'RUNNING',
      containers: [{ name: 'app', imageDigest: imageDigest as string | null }],
    },
  ],
  version: { practiceId: 'sunrise-aba', releaseId: 'r-0123456789ab' },
  readiness: {
    status: 'ready',
    practiceId: 'sunrise-aba',
    releaseId: 'r-0123456789ab',
    databaseTls: true,
    databaseRoundTripMs: 2,
    keyArn,
  },
});
export type Values = ReturnType<typeof sound>;

export function inbound(peer: string, port: number | null): SecurityGroupFacts['rules'][number] {
  return { id: 'sgr', outbound: false, protocol: 'tcp', fromPort: port, toPort: port, peer };
}

function local() {
  return { destination: '10.0.0.0/16', target: 'local' };
}

export function read(values: Values): SiloFacts {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { at, value }]),
  ) as unknown as SiloFacts;
}
