import * as fc from 'fast-check';
import {
  type DriftDifference,
  driftStateOf,
  firstCheckAt,
  joinFindings,
  noFindings,
  sameFindings,
} from '../../lib/domain/drift.ts';
import { type ResourceDrift, resourceFindings } from '../../lib/domain/drift-resources.ts';
import { type PromisedStack, type SeenStack, stackFindings } from '../../lib/domain/drift-stacks.ts';
import { components } from '../../lib/domain/release.ts';

const bounds = { desiredCount: 1, maxCount: 3 };

const words = fc.string({ minLength: 1, maxLength: 12 });
const dictionary = fc.dictionary(words, words, { maxKeys: 6, noNullPrototype: true });

const promisedStack: fc.Arbitrary<PromisedStack> = fc.record({
  component: fc.constantFrom(...components),
  name: words,
  templateSha256: fc.constantFrom('a'.repeat(64), 'b'.repeat(64)),
  parameters: dictionary,
  tags: dictionary,
});

const asPromised = (stack: PromisedStack): SeenStack => ({
  stackId: 'arn:stack',
  status: 'UPDATE_COMPLETE',
  templateSha256: stack.templateSha256,
  parameters: stack.parameters,
  tags: stack.tags,
  terminationProtection: true,
});

const difference: fc.Arbitrary<DriftDifference> = fc.record({
  component: fc.constantFrom(...components),
  kind: fc.constantFrom('stack', 'resource', 'check'),
  resource: words,
  type: fc.option(words),
  physicalId: fc.option(words),
  property: words.map((word) => `/${word}`),
  expected: fc.option(words),
  actual: fc.option(words),
  meaning: words,
  nextAction: words,
});

const modified = (
  type: string,
  path: string,
  expected: string | null,
  actual: string | null,
  kind = 'NOT_EQUAL',
): ResourceDrift => ({
  logicalId: 'Thing',
  physicalId: 'thing-1',
  type,
  status: 'MODIFIED',
  reason: null,
  differences: [{ path, kind, expected, actual }],
});

describe('a stack against its promise', () => {
  test('is in sync when it is as promised, whatever else its parameters and tags say', () => {
    fc.assert(
      fc.property(promisedStack, dictionary, (promised, more) => {
        const seen = asPromised(promised);
        const found = stackFindings(promised, {
          ...seen,
          parameters: { ...more, ...seen.parameters },
          tags: { ...more, ...seen.tags },
        });
        expect(found).toEqual(noFindings);
      }),
    );
  });

  test('differs exactly in the parameters and tags that are other or missing, and names both values', () => {
    fc.assert(
      fc.property(promisedStack, fc.func(fc.boolean()), (promised, isChanged) => {
        const seen = asPromised(promised);
        const change = (values: Readonly<Record<string, string>>) =>
          Object.fromEntries(
            Object.entries(values).map(([name, value]) => [name, isChanged(name) ? `${value}!` : value]),
          );
        const { differences } = stackFindings(promised, {
          ...seen,
          parameters: change(seen.parameters),
          tags: change(seen.tags),
        });
        const all = [...Object.entries(promised.parameters), ...Object.entries(promised.tags)];
        const changed = all.filter(([name]) => isChanged(name)).map(([, value]) => [value, `${value}!`]);
        expect(differences.map(({ expected, actual }) => [expected, actual])).toEqual(changed);
      }),
    );
  });

  const promised: PromisedStack = {
    component: 'data',
    name: 'lumenality-a-data',
    templateSha256: 'a',
    parameters: { PracticeId: 'a' },
    tags: { 'lumenality:practice': 'a' },
  };
  test.each<[string, Partial<SeenStack>, string[]]>([
    ['another template', { templateSha256: 'b' }, ['/TemplateBody']],
    ['a roll-back that failed', { status: 'UPDATE_ROLLBACK_FAILED' }, ['/StackStatus']],
    ['no protection', { terminationProtection: false }, ['/EnableTerminationProtection']],
    ['a lost tag', { tags: {} }, ['/Tags/lumenality:practice']],
    ['an update that was rolled back whole', { status: 'UPDATE_ROLLBACK_COMPLETE' }, []],
  ])('%s is told by its property', (_what, seen, properties) => {
    const { differences } = stackFindings(promised, { ...asPromised(promised), ...seen });
    expect(differences.map(({ property }) => property)).toEqual(properties);
  });

  test('a stack that is gone is one difference; the service stack needs no protection', () => {
    expect(stackFindings(promised, undefined).differences).toMatchObject([{ property: '/', actual: null }]);
    const service: PromisedStack = { ...promised, component: 'service' };
    const seen = { ...asPromised(service), terminationProtection: false };
    expect(stackFindings(service, seen)).toEqual(noFindings);
  });
});

describe('resources that CloudFormation compared', () => {
  test('every difference of every changed resource is told, once, unless it is meant to be', () => {
    const drift = fc
      .record({
        logicalId: words,
        type: fc.constantFrom('AWS::EC2::SecurityGroup', 'AWS::KMS::Key', 'AWS::Logs::LogGroup'),
        paths: fc.uniqueArray(words, { maxLength: 4 }),
      })
      .map(({ logicalId, type, paths }) => ({
        ...modified(type, '/', '', ''),
        logicalId,
        differences: paths.map((path) => ({
          path: `/${path}`,
          kind: 'NOT_EQUAL',
          expected: '1',
          actual: '2',
        })),
      }));
    fc.assert(
      fc.property(fc.array(drift, { maxLength: 5 }), (drifts) => {
        const { differences, accepted, problems } = resourceFindings('data', drifts, bounds);
        expect(differences.map(({ resource, property }) => [resource, property])).toEqual(
          drifts.flatMap((each) => each.differences.map(({ path }) => [each.logicalId, path])),
        );
        expect([accepted, problems]).toEqual([[], []]);
      }),
    );
  });

  test.each<[string, ResourceDrift, boolean]>([
    ['tasks within the plan', modified('AWS::ECS::Service', '/DesiredCount', '1', '3'), true],
    ['more tasks than the plan has', modified('AWS::ECS::Service', '/DesiredCount', '1', '4'), false],
    ['no tasks', modified('AWS::ECS::Service', '/DesiredCount', '1', '0'), false],
    ['a number of tasks not told', modified('AWS::ECS::Service', '/DesiredCount', '1', null), false],
    ['another task definition', modified('AWS::ECS::Service', '/TaskDefinition', 'a:1', 'a:2'), false],
    ['a later minor version', modified('AWS::RDS::DBInstance', '/EngineVersion', '18.1', '18.2'), true],
    ['an earlier minor version', modified('AWS::RDS::DBInstance', '/EngineVersion', '18.1', '18.0'), false],
    ['another major version', modified('AWS::RDS::DBInstance', '/EngineVersion', '18.1', '19.1'), false],
    ['a version of something else', modified('AWS::KMS::Key', '/EngineVersion', '18.1', '18.2'), false],
  ])('%s: meant to be, or told', (_what, drift, isMeant) => {
    const { differences, accepted } = resourceFindings('service', [drift], bounds);
    expect([differences.length, accepted.length]).toEqual(isMeant ? [0, 1] : [1, 0]);
  });

  test('a deleted resource is a difference, one that could not be compared a problem, others nothing', () => {
    const base = { ...modified('AWS::RDS::DBInstance', '/', null, null), differences: [] };
    const found = resourceFindings(
      'data',
      [
        { ...base, status: 'DELETED' },
        { ...base, status: 'UNKNOWN', reason: 'no permission for rds:DescribeDBInstances' },
        { ...base, status: 'NOT_CHECKED' },
        { ...base, status: 'UNSUPPORTED' },
        { ...base, status: 'IN_SYNC' },
      ],
      bounds,
    );
    expect(found.differences).toMatchObject([
      { property: '/', actual: null, nextAction: expect.stringContaining('Do not update') },
    ]);
    expect(found.problems).toEqual([expect.stringContaining('no permission')]);
  });

  test('what a person is told to do depends on whether the resource keeps something', () => {
    const advice = (type: string) =>
      resourceFindings('data', [modified(type, '/X', '1', '2')], bounds).differences[0]?.nextAction;
    expect(advice('AWS::RDS::DBInstance')).toContain('Nothing is set back by itself');
    expect(advice('AWS::EC2::SecurityGroup')).not.toEqual(advice('AWS::RDS::DBInstance'));
  });

  test('what is there too much has no expected value, and what is missing no actual one', () => {
    const drifts = [
      modified('AWS::EC2::SecurityGroup', '/SecurityGroupIngress/0', 'null', '{"CidrIp":"0.0.0.0/0"}', 'ADD'),
      modified(
        'AWS::EC2::SecurityGroup',
        '/SecurityGroupIngress/1',
        '{"CidrIp":"10.0.0.0/8"}',
        'null',
        'REMOVE',
      ),
    ];
    expect(resourceFindings('foundation', drifts, bounds).differences).toMatchObject([
      { expected: null, actual: '{"CidrIp":"0.0.0.0/0"}' },
      { expected: '{"CidrIp":"10.0.0.0/8"}', actual: null },
    ]);
  });
});

test('who owns a practice, and what its link hashes to, is not told', () => {
  const hash = 'f'.repeat(64);
  const environment = (value: string) => JSON.stringify([{ Name: 'OWNER_INVITATION_SHA256', Value: value }]);
  const promised: PromisedStack = {
    component: 'service',
    name: 'lumenality-a-service',
    templateSha256: 'a',
    parameters: { OwnerEmail: 'ana@example.com', OwnerInvitationSha256: hash },
    tags: {},
  };
  const seen = { ...asPromised(promised), parameters: {} };
  const task = modified(
    'AWS::ECS::TaskDefinition',
    '/ContainerDefinitions',
    environment(hash),
    environment(''),
  );
  const found = joinFindings([stackFindings(promised, seen), resourceFindings('service', [task], bounds)]);
  expect(found.differences).toHaveLength(3);
  expect(JSON.stringify(found)).not.toMatch(/ana@|ffff/);
});

describe('findings', () => {
  test('are the same in any order, and other as soon as one more thing differs', () => {
    fc.assert(
      fc.property(fc.array(difference, { maxLength: 6 }), difference, (differences, another) => {
        const findings = { differences, problems: ['a', 'b'] };
        const turned = { differences: differences.toReversed(), problems: ['b', 'a'] };
        expect(sameFindings(findings, turned)).toBe(true);
        expect(sameFindings(findings, { ...findings, differences: [...differences, another] })).toBe(false);
        expect(sameFindings(findings, { ...findings, problems: ['a'] })).toBe(false);
      }),
    );
  });

  test('a difference is drift, whatever could not be read; without one, a silo is in sync only if all was read', () => {
    fc.assert(
      fc.property(
        fc.array(difference, { maxLength: 2 }),
        fc.array(words, { maxLength: 2 }),
        (differences, problems) => {
          const joined = joinFindings([
            { ...noFindings, differences },
            { ...noFindings, problems },
          ]);
          const state = driftStateOf(joined);
          expect(state === 'drifted').toBe(differences.length > 0);
          expect(state === 'in_sync').toBe(differences.length === 0 && problems.length === 0);
        },
      ),
    );
  });
});

test('first looks lie within the interval, are the same in every process, and are spread', () => {
  const start = new Date('2026-11-22T00:00:00Z');
  const hour = 3_600_000;
  const offset = (id: string) => firstCheckAt(id, start, hour).getTime() - start.getTime();
  fc.assert(
    fc.property(words, (id) => {
      expect(offset(id)).toBe(offset(id));
      expect(offset(id)).toBeGreaterThanOrEqual(0);
      expect(offset(id)).toBeLessThan(hour);
    }),
  );
  const tenths = Array.from({ length: 1_000 }, (_, n) => Math.floor((offset(`practice-${n}`) / hour) * 10));
  for (let tenth = 0; tenth < 10; tenth += 1) {
    expect(tenths.filter((each) => each === tenth).length).toBeGreaterThan(50);
  }
});
