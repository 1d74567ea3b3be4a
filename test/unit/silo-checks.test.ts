import type { SiloExpectations, SiloFacts } from '../../lib/domain/silo-check.ts';
import { judgeSilo, siloChecks } from '../../lib/domain/silo-checks.ts';
import type { SecurityGroupFacts } from '../../lib/domain/silo-facts.ts';

const at = '2026-11-21T20:00:00.000Z';
const keyArn = 'arn:aws:kms:us-east-1:000000000000:key/11111111-1111-4111-8111-111111111111';
const otherKey = 'arn:aws:kms:us-east-1:000000000000:key/22222222-2222-4222-8222-222222222222';
const secretArn = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:rds!db-1-AbCdEf';
const loadBalancerArn = 'arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/a/1';
const imageDigest = `sha256:${'a'.repeat(64)}`;

const expectations: SiloExpectations = {
  practiceId: 'sunrise-aba',
  releaseId: 'r-0123456789ab',
  imageDigest,
  keyArn,
  vpcId: 'vpc-1',
  loadBalancerArn,
  appSecurityGroupId: 'sg-app',
  databaseSecretArn: secretArn,
  databaseSubnetIds: ['subnet-d1', 'subnet-d2'],
  appSubnetIds: ['subnet-a1'],
  backupRetentionDays: 14,
  desiredCount: 1,
};

/** The values of a silo that is exactly as promised; what a test changes is the one thing that is wrong. */
const sound = () => ({
  key: {
    arn: keyArn,
    state: 'Enabled',
    manager: 'CUSTOMER',
    rotating: true,
    rotationPeriodDays: 365 as number | null,
    tags: { 'lumenality:practice': 'sunrise-aba' } as Record<string, string>,
  },
  keySharedWith: [] as string[],
  database: {
    id: 'db-1',
    status: 'available',
    encrypted: true,
    keyArn: keyArn as string | null,
    public: false,
    deletionProtection: true,
    backupRetentionDays: 14,
    parameterGroup: { name: 'pg', applyStatus: 'in-sync' } as { name: string; applyStatus: string } | null,
    vpcId: 'vpc-1' as string | null,
    subnetIds: ['subnet-d2', 'subnet-d1'],
    securityGroupIds: ['sg-db'],
    masterSecretArn: secretArn as string | null,
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
  defaultSecurityGroup: { id: 'sg-default', rules: [] as SecurityGroupFacts['rules'][number][] },
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
  listener: {
    loadBalancerArn,
    protocol: 'HTTPS',
    port: 443,
    tlsPolicy: 'ELBSecurityPolicy-TLS13-1-2-Res-2021-06' as string | null,
    certificates: 1,
  },
  service: { status: 'ACTIVE', desired: 1, running: 1, pending: 0, rollouts: ['COMPLETED'] },
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
type Values = ReturnType<typeof sound>;

function local() {
  return { destination: '10.0.0.0/16', target: 'local' };
}

function read(values: Values): SiloFacts {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { at, value }]),
  ) as unknown as SiloFacts;
}

const failing = (facts: SiloFacts): string[] =>
  judgeSilo(facts, expectations)
    .filter(({ passed }) => !passed)
    .map(({ check }) => check);

const table = <T>(list: T[], place: number): T => {
  const item = list[place];
  if (item === undefined) throw new Error('no such item');
  return item;
};

test('a silo that is as promised passes every check', () => {
  expect(failing(read(sound()))).toEqual([]);
});

const faults: ReadonlyArray<[what: string, spoil: (values: Values) => void, checks: string[]]> = [
  ['a disabled key', (v) => (v.key.state = 'Disabled'), ['key-enabled']],
  ['a key on its way to deletion', (v) => (v.key.state = 'PendingDeletion'), ['key-enabled']],
  ["AWS's own key", (v) => (v.key.manager = 'AWS'), ['key-customer-managed']],
  ['a key that is not rotated', (v) => (v.key.rotating = false), ['key-rotation-enabled']],
  ['a rotation of two years', (v) => (v.key.rotationPeriodDays = 730), ['key-rotation-enabled']],
  ['a rotation period not told', (v) => (v.key.rotationPeriodDays = null), ['key-rotation-enabled']],
  ['a key without a tag', (v) => (v.key.tags = {}), ['key-belongs-to-practice']],
  [
    "another practice's key",
    (v) => (v.key.tags['lumenality:practice'] = 'other'),
    ['key-belongs-to-practice'],
  ],
  ['a key that is shared', (v) => v.keySharedWith.push('other'), ['key-not-shared']],
  ['a database that is rebooting', (v) => (v.database.status = 'rebooting'), ['database-available']],
  ['a plain database', (v) => (v.database.encrypted = false), ['database-encrypted-with-key']],
  ['another key on the database', (v) => (v.database.keyArn = otherKey), ['database-encrypted-with-key']],
  ['a database key not told', (v) => (v.database.keyArn = null), ['database-encrypted-with-key']],
  ['a public database', (v) => (v.database.public = true), ['database-not-public']],
  ['TLS not forced', (v) => (v.forceTls = '0'), ['database-tls-forced']],
  ['TLS not mentioned', (v) => (v.forceTls = undefined), ['database-tls-forced']],
  [
    'parameters that wait for a reboot',
    (v) => (v.database.parameterGroup = { name: 'pg', applyStatus: 'pending-reboot' }),
    ['database-parameters-in-sync'],
  ],
  ['no parameter group', (v) => (v.database.parameterGroup = null), ['database-parameters-in-sync']],
  ['backups kept too short', (v) => (v.database.backupRetentionDays = 13), ['database-backups-kept']],
  ['no backups', (v) => (v.database.backupRetentionDays = 0), ['database-backups-kept']],
  ['no deletion protection', (v) => (v.database.deletionProtection = false), ['database-deletion-protected']],
  ["a secret under AWS's key", (v) => (v.secret.keyArn = null), ['secret-under-key']],
  ['a secret under another key', (v) => (v.secret.keyArn = otherKey), ['secret-under-key']],
  ['a secret of nobody', (v) => (v.secret.owningService = null), ['secret-owned-by-rds']],
  ['a deleted secret', (v) => (v.secret.deletedAt = at), ['secret-owned-by-rds']],
  [
    'a secret of another database',
    (v) => (v.database.masterSecretArn = 'other'),
    ['secret-of-this-database'],
  ],
  ['a VPC without a tag', (v) => (v.vpcTags = {}), ['vpc-belongs-to-practice']],
  ['a VPC that is shared', (v) => v.vpcSharedWith.push('other'), ['vpc-not-shared']],
  [
    'a default security group that lets its members talk',
    (v) =>
      v.defaultSecurityGroup.rules.push({
        id: 'sgr-1',
        outbound: false,
        protocol: '-1',
        fromPort: null,
        toPort: null,
        peer: 'sg-default',
      }),
    ['default-security-group-closed'],
  ],
  [
    'a default security group that lets anything out',
    (v) =>
      v.defaultSecurityGroup.rules.push({
        id: 'sgr-2',
        outbound: true,
        protocol: '-1',
        fromPort: null,
        toPort: null,
        peer: '0.0.0.0/0',
      }),
    ['default-security-group-closed'],
  ],
  [
    'a peering',
    (v) => v.networkConnections.push({ kind: 'peering', id: 'pcx-1', state: 'active' }),
    ['vpc-not-connected'],
  ],
  [
    'a peering that is only asked for',
    (v) => v.networkConnections.push({ kind: 'peering', id: 'pcx-1', state: 'pending-acceptance' }),
    ['vpc-not-connected'],
  ],
  [
    'a VPN',
    (v) => v.networkConnections.push({ kind: 'vpn', id: 'vgw-1', state: 'available' }),
    ['vpc-not-connected'],
  ],
  [
    'a route into another network',
    (v) => table(v.routeTables, 1).routes.push({ destination: '10.9.0.0/16', target: 'pcx-1' }),
    ['routes-stay-in-silo'],
  ],
  [
    'a NAT gateway for the app',
    (v) => table(v.routeTables, 2).routes.push({ destination: '0.0.0.0/0', target: 'nat-1' }),
    ['routes-stay-in-silo'],
  ],
  [
    'the app on the internet',
    (v) => table(v.routeTables, 2).routes.push({ destination: '0.0.0.0/0', target: 'igw-1' }),
    ['routes-stay-in-silo'],
  ],
  [
    'a database subnet on the internet',
    (v) => table(v.routeTables, 3).routes.push({ destination: '0.0.0.0/0', target: 'igw-1' }),
    ['routes-stay-in-silo', 'database-subnets-isolated'],
  ],
  [
    'a database subnet that fell back to a main table with a way out',
    (v) => {
      table(v.routeTables, 3).subnetIds.pop();
      table(v.routeTables, 0).routes.push({ destination: '0.0.0.0/0', target: 'igw-1' });
    },
    ['routes-stay-in-silo', 'database-subnets-isolated'],
  ],
  ['a database in another VPC', (v) => (v.database.vpcId = 'vpc-2'), ['database-in-own-network']],
  ['a database in an app subnet', (v) => v.database.subnetIds.push('subnet-a1'), ['database-in-own-network']],
  [
    'a second rule on the database',
    (v) =>
      v.databaseIngress['sg-db'].push({
        protocol: 'tcp',
        fromPort: 5432,
        toPort: 5432,
        source: '10.0.0.0/16',
      }),
    ['database-admits-app-only'],
  ],
  [
    'all ports open to the app',
    (v) => (table(v.databaseIngress['sg-db'], 0).fromPort = null),
    ['database-admits-app-only'],
  ],
  ['a database closed to the app', (v) => v.databaseIngress['sg-db'].pop(), ['database-admits-app-only']],
  ['plain HTTP', (v) => (v.listener.protocol = 'HTTP'), ['entrance-tls']],
  ['no certificate', (v) => (v.listener.certificates = 0), ['entrance-tls']],
  ['TLS 1.0 allowed', (v) => (v.listener.tlsPolicy = 'ELBSecurityPolicy-2016-08'), ['entrance-tls']],
  [
    'TLS 1.1 allowed beside 1.3',
    (v) => (v.listener.tlsPolicy = 'ELBSecurityPolicy-TLS13-1-1-2021-06'),
    ['entrance-tls'],
  ],
  ["another silo's load balancer", (v) => (v.listener.loadBalancerArn = 'other'), ['entrance-tls']],
  ['a task too few', (v) => (v.service.running = 0), ['service-steady']],
  ['a rollout under way', (v) => v.service.rollouts.push('IN_PROGRESS'), ['service-steady']],
  ['no task', (v) => v.tasks.pop(), ['service-image']],
  [
    'another image in one container',
    (v) => table(v.tasks, 0).containers.push({ name: 'extra', imageDigest: `sha256:${'b'.repeat(64)}` }),
    ['service-image'],
  ],
  [
    'an image not told',
    (v) => (table(table(v.tasks, 0).containers, 0).imageDigest = null),
    ['service-image'],
  ],
  ["another practice's app", (v) => (v.version.practiceId = 'other'), ['app-identity']],
  ['an older release', (v) => (v.version.releaseId = 'r-000000000000'), ['app-identity']],
  ['an app that is not ready', (v) => (v.readiness.status = 'starting'), ['app-ready']],
  ["another practice's readiness", (v) => (v.readiness.practiceId = 'other'), ['app-ready']],
  ['no TLS to the database', (v) => (v.readiness.databaseTls = false), ['app-database-over-tls']],
  ['another key in the app', (v) => (v.readiness.keyArn = otherKey), ['app-uses-key']],
];

test.each(faults)('%s fails exactly the checks that are about it', (_what, spoil, checks) => {
  const values = sound();
  spoil(values);
  expect(failing(read(values))).toEqual(checks);
});

test('every check has a fault in this table that it alone, or with its like, catches', () => {
  const caught = new Set(faults.flatMap(([, , checks]) => checks));
  expect(siloChecks.map(({ id }) => id).filter((id) => !caught.has(id))).toEqual([]);
});

test.each(Object.keys(sound()))(
  'a read of %s that failed is a failed check with the error, never a pass',
  (fact) => {
    const facts = { ...read(sound()), [fact]: { at, error: 'AWS rds answered AccessDenied' } };
    const failed = judgeSilo(facts, expectations).filter(({ passed }) => !passed);
    expect(failed.length).toBeGreaterThan(0);
    for (const { observed } of failed) expect(observed).toBe('not read: AWS rds answered AccessDenied');
  },
);

test('every check names safeguards, a source and when it saw what it saw', () => {
  for (const item of judgeSilo(read(sound()), expectations)) {
    expect(item).toMatchObject({ observedAt: at, source: expect.stringMatching(/\w/) });
    expect(item.safeguards.some((id) => /^(45 CFR 164\.|NIST SP 800-53r5 )/.test(id))).toBe(true);
  }
  expect(new Set(siloChecks.map(({ id }) => id)).size).toBe(siloChecks.length);
});
