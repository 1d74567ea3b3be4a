import fc from 'fast-check';
import {
  type Amounts,
  amounts,
  type Candidate,
  chooseCell,
  demandOf,
  noAmounts,
  quotas,
  quotasOfKept,
  roomFor,
  standardLimits,
  waitingReason,
} from '../../lib/domain/capacity.ts';
import { forecastCapacity, windowOf } from '../../lib/domain/capacity-forecast.ts';
import { type Cell, newCellSchema, placeOf, setUpCommands } from '../../lib/domain/cell.ts';

const some = (named: Partial<Amounts>): Amounts => ({ ...noAmounts, ...named });

describe('the demand of a practice', () => {
  const resource = (Type: string, Condition?: string) => ({
    Type,
    ...(Condition === undefined ? {} : { Condition }),
  });
  const template = (resources: object, conditions: object = {}) =>
    JSON.stringify({
      Parameters: { Addresses: { Type: 'Number', Default: 0 } },
      Conditions: conditions,
      Resources: resources,
    });
  const nothing = template({});

  test('is what its templates make with its parameters: conditions that do not hold take nothing', () => {
    const foundation = template(
      {
        Vpc: resource('AWS::EC2::VPC'),
        Address: resource('AWS::EC2::EIP', 'HasAddress'),
        Way: resource('AWS::EC2::NatGateway', 'HasAddress'),
        Balancer: resource('AWS::ElasticLoadBalancingV2::LoadBalancer'),
      },
      { HasAddress: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'Addresses' }, '0'] }] } },
    );
    const data = template({
      One: resource('AWS::RDS::DBInstance'),
      Group: resource('AWS::RDS::DBSubnetGroup'),
    });
    const service = template({ Task: resource('AWS::IAM::Role'), Execution: resource('AWS::IAM::Role') });
    const templates = { foundation, data, service };
    const count = (parameters: Record<string, string>) =>
      demandOf({ templates, parameters, region: 'us-east-1' });
    const always = {
      vpcs: 1,
      stacks: 3,
      databases: 1,
      databaseSubnetGroups: 1,
      databaseSnapshots: 1,
      roles: 2,
      loadBalancers: 1,
    };
    expect(count({})).toEqual(some(always));
    expect(count({ Addresses: '1' })).toEqual(some({ ...always, elasticIps: 1, natGateways: 1 }));
  });

  test('goes on counting for what is kept when the silo is gone, and for nothing else', () => {
    const kept = ['AWS::KMS::Key', 'AWS::S3::Bucket', 'AWS::Logs::LogGroup', 'AWS::Backup::BackupVault'];
    expect(quotasOfKept(kept, true)).toEqual(['databaseSnapshots', 'keys', 'backupVaults']);
    expect(quotasOfKept(['AWS::Backup::BackupVault'], false)).toEqual(['backupVaults']);
    expect(quotasOfKept([], false)).toEqual([]);
  });

  test('is not guessed when a template cannot be worked out', () => {
    const odd = template({ Vpc: resource('AWS::EC2::VPC', 'Missing') });
    const templates = { foundation: odd, data: nothing, service: nothing };
    expect(() => demandOf({ templates, parameters: {}, region: 'us-east-1' })).toThrow(
      /the foundation stack uses of a cell cannot be counted.*condition Missing/,
    );
    expect(() =>
      demandOf({ templates: { ...templates, foundation: '{}' }, parameters: {}, region: 'us-east-1' }),
    ).toThrow('cannot be counted');
  });
});

describe('the choice of a cell', () => {
  const demand = some({ vpcs: 1, stacks: 3, databases: 1 });
  const cell = (id: string, limits: Partial<Amounts>, used: Partial<Amounts> = {}): Candidate => ({
    id,
    limits: some(limits),
    used: some(used),
    demand,
  });

  test('falls on the cell that takes the most more of its kind, and of equals on the first by id', () => {
    const small = cell('a', { vpcs: 5, stacks: 100, databases: 5 });
    const large = cell(
      'b',
      { vpcs: 50, stacks: 2_000, databases: 40 },
      { databases: 10, vpcs: 10, stacks: 30 },
    );
    const same = cell(
      'c',
      { vpcs: 50, stacks: 2_000, databases: 40 },
      { databases: 10, vpcs: 10, stacks: 30 },
    );
    expect(chooseCell([small, same, large])?.id).toBe('b');
    expect(roomFor(large)).toBe(30);
  });

  test('falls on none that lacks a part of a single quota, and the reason names it', () => {
    const full = cell('a', { vpcs: 5, stacks: 2, databases: 5 });
    expect(chooseCell([full])).toBeUndefined();
    expect(waitingReason([full], [{ id: 'b', state: 'draining' }])).toMatch(
      /^No cell has room \(a has too little left of stacks; b is draining\)\./,
    );
    expect(waitingReason([], [])).toMatch(/^No cell has room: there is none\./);
  });

  const amount = fc.integer({ min: 0, max: 30 });
  const anyAmounts = fc
    .tuple(...quotas.map(() => amount))
    .map((values) => amounts((quota) => values[quotas.indexOf(quota)] ?? 0));
  const anyCells = fc
    .array(fc.record({ limits: anyAmounts, used: anyAmounts, demand: anyAmounts }), { maxLength: 6 })
    .map((cells) =>
      cells.map((each, place) => ({
        ...each,
        demand: { ...each.demand, stacks: Math.max(1, each.demand.stacks) },
        id: `cell-${place}`,
      })),
    );
  test('never exceeds a limit, finds room where there is some, and does not depend on the order', () => {
    fc.assert(
      fc.property(anyCells, (cells) => {
        const chosen = chooseCell(cells);
        const fits = cells.filter(({ limits, used, demand: asked }) =>
          quotas.every((quota) => asked[quota] === 0 || used[quota] + asked[quota] <= limits[quota]),
        );
        expect(chosen === undefined).toBe(fits.length === 0);
        if (chosen !== undefined) expect(fits.map(({ id }) => id)).toContain(chosen.id);
        expect(chooseCell(cells.toReversed())?.id).toBe(chosen?.id);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the forecast', () => {
  const limits = some({ vpcs: 10, databases: 40, roles: 100 });

  test('tells the days until the first quota is full at the rate of the window', () => {
    const used = some({ vpcs: 4, databases: 4, roles: 16 });
    const growth = some({ vpcs: 3, databases: 3, roles: 12 });
    const forecast = forecastCapacity({ limits, used, growth, days: 30 });
    expect(forecast).toMatchObject({ daysUntilFull: 60, firstFull: 'vpcs' });
    expect(forecast.quotas.find(({ quota }) => quota === 'databases')).toEqual({
      quota: 'databases',
      limit: 40,
      used: 4,
      free: 36,
      dailyGrowth: 0.1,
      daysUntilFull: 360,
    });
  });

  test('is open when nothing grows, and 0 when something is full', () => {
    const used = some({ vpcs: 4 });
    const shrinks = forecastCapacity({ limits, used, growth: some({ vpcs: -1 }), days: 30 });
    expect(shrinks).toMatchObject({ daysUntilFull: null, firstFull: null });
    const full = forecastCapacity({ limits, used: some({ vpcs: 12 }), growth: noAmounts, days: 30 });
    expect(full).toMatchObject({ daysUntilFull: 0, firstFull: 'vpcs' });
  });

  test('looks back no further than the cell is old, and a day at least', () => {
    const now = new Date('2026-11-20T12:00:00Z');
    const ago = (days: number) => ({ createdAt: new Date(now.getTime() - days * 86_400_000) });
    expect([windowOf(ago(400), now), windowOf(ago(12), now), windowOf(ago(0.1), now)]).toEqual([30, 12, 1]);
  });
});

describe('a new cell', () => {
  const configured: Cell = {
    id: 'main',
    accountId: '111111111111',
    region: 'us-east-1',
    roleArn: null,
    externalId: null,
    domain: 'practices.example',
    hostedZoneId: 'Z1',
    imageRegistry: '111111111111.dkr.ecr.us-east-1.amazonaws.com',
    s3PrefixListId: null,
    backupCopyRegion: 'us-west-2',
    alarmEmail: 'alarms@example.com',
    limits: standardLimits,
    state: 'active',
    revision: 1,
    createdBy: 'control plane',
    createdAt: new Date(0),
    updatedAt: new Date(0),
  };
  const asked = newCellSchema.parse({
    id: 'west',
    accountId: '222222222222',
    region: 'us-west-2',
    domain: 'west.practices.example',
    hostedZoneId: 'Z0WEST',
    limits: { vpcs: 100 },
  });

  test('takes from the configured cell what it is not told, and keeps its copies elsewhere', () => {
    expect(placeOf(asked, configured)).toMatchObject({
      roleArn: 'arn:aws:iam::222222222222:role/lumenality-cell/control-plane',
      s3PrefixListId: 'pl-68a54001',
      imageRegistry: configured.imageRegistry,
      alarmEmail: 'alarms@example.com',
      backupCopyRegion: 'us-east-1',
      limits: { ...standardLimits, vpcs: 100 },
    });
    expect(
      placeOf({ ...asked, region: 'us-gov-west-1', s3PrefixListId: 'pl-12345678' }, configured).roleArn,
    ).toMatch(/^arn:aws-us-gov:/);
  });

  test('is refused without what cannot be guessed', () => {
    const fieldsOf = (changes: object) => {
      try {
        placeOf({ ...asked, ...changes }, configured);
        return [];
      } catch (error) {
        return (error as { fields: { pointer: string }[] }).fields.map(({ pointer }) => pointer);
      }
    };
    expect(fieldsOf({ region: 'eu-west-1' })).toEqual(['/s3PrefixListId']);
    expect(fieldsOf({ backupCopyRegion: 'us-west-2' })).toEqual(['/backupCopyRegion']);
  });

  test('is let in by commands that name the principal and the external id', () => {
    const place = placeOf(asked, configured);
    const cell = { ...configured, ...place, id: 'west', externalId: 'an-external-id' };
    const [build, stack, copies] = setUpCommands(cell, 'arn:aws:iam::111111111111:role/control-plane');
    expect(build).toContain('cell:build');
    expect(stack).toContain(
      '--region us-west-2 --stack-name lumenality-cell --template-file build/cell/lumenality-cell.template.json',
    );
    expect(stack).toMatch(
      /HostedZoneId=Z0WEST ControlPlanePrincipalArn=arn:aws:iam::111111111111:role\/control-plane ExternalId=an-external-id$/,
    );
    expect(copies).toContain('--region us-east-1 --stack-name lumenality-cell-copies');
  });
});
