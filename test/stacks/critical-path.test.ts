import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthesise } from '../../stacks/release/synthesis.ts';
import { parametersForShape } from '../../tenant-template/shapes.ts';
import { criticalPath, type OrderedTemplate, secondsOnAws } from '../bench/critical-path.ts';

const seconds: Readonly<Record<string, number>> = { Network: 10, Entrance: 100, Database: 200, App: 50 };
const secondsOf = (type: string): number => seconds[type] ?? 0;

/** A network, from which an entrance is made beside it; a database that needs the network only; an app that needs both. */
const toy: Readonly<Record<string, OrderedTemplate>> = {
  first: {
    Resources: {
      Net: { Type: 'Network' },
      Door: { Type: 'Entrance', Properties: { In: { 'Fn::GetAtt': ['Net', 'Id'] } } },
    },
    Outputs: { NetId: { Value: { Ref: 'Net' } }, DoorId: { Value: { Ref: 'Door' } } },
  },
  second: {
    Parameters: { NetId: {} },
    Resources: { Data: { Type: 'Database', Properties: { In: { 'Fn::Join': [',', [{ Ref: 'NetId' }]] } } } },
    Outputs: { Host: { Value: { 'Fn::GetAtt': ['Data', 'Host'] } } },
  },
  third: {
    Parameters: { Host: {}, DoorId: {}, Closed: { Default: 'no' } },
    Conditions: { IsClosed: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'Closed' }, 'no'] }] } },
    Resources: {
      Page: { Type: 'Entrance', Condition: 'IsClosed' },
      App: {
        Type: 'App',
        DependsOn: 'Page',
        Properties: {
          Host: { 'Fn::If': ['IsClosed', 'none', { Ref: 'Host' }] },
          Door: { Ref: 'DoorId' },
        },
      },
    },
  },
};

test('the longest chain goes through what waits for each other, wherever a stack ends', () => {
  const { stacks, inStacks, longest, excess } = criticalPath(toy, {}, secondsOf);
  expect(stacks.map((each) => each.seconds)).toEqual([110, 200, 50]);
  expect(inStacks.seconds).toBe(360);
  expect(longest).toEqual({ seconds: 260, resources: ['first.Net', 'second.Data', 'third.App'] });
  expect(excess).toBeCloseTo(100 / 260);
});

test('what a condition leaves out takes no time, and what it chooses is waited for', () => {
  const closed = criticalPath(toy, { Closed: 'yes' }, secondsOf);
  expect(closed.stacks.at(-1)).toMatchObject({ seconds: 150, resources: ['third.Page', 'third.App'] });
  // The app of a closed one does not ask where the database is.
  expect(closed.longest.resources).toEqual(['first.Net', 'second.Data']);
});

test('a circle is told and not followed for ever', () => {
  const circle = { one: { Resources: { A: { Type: 'App', DependsOn: 'A' } } } };
  expect(() => criticalPath(circle, {}, secondsOf)).toThrow('one.A waits for itself.');
});

describe('a silo', () => {
  const templates = Object.fromEntries(
    Object.entries(synthesise().templates).map(([stack, { body }]) => [
      stack,
      JSON.parse(body) as OrderedTemplate,
    ]),
  );
  const decision = readFileSync(
    join(__dirname, '../../docs/decisions/0018-what-bounds-a-provisioning.md'),
    'utf8',
  );

  test.each(['solo', 'group', 'enterprise'] as const)('%s: docs/decisions/0018 has its figures', (shape) => {
    const path = criticalPath(templates, parametersForShape(shape), secondsOnAws());
    const [foundation, data, service] = path.stacks.map((each) => each.seconds);
    const figures = [foundation, data, service, path.inStacks.seconds, path.longest.seconds];
    expect(decision).toContain(`| ${shape} | ${figures.join(' | ')} | ${Math.round(path.excess * 100)} % |`);
  });

  test('waits for its load balancer in one stack and for its database in the next, and for both in no chain', () => {
    const { stacks, longest } = criticalPath(templates, parametersForShape('solo'), secondsOnAws());
    expect(stacks.map(({ resources }) => resources).flat()).toEqual(
      expect.arrayContaining([
        'foundation.EntranceLoadBalancer',
        'data.DatabaseInstance',
        'service.ServiceService',
      ]),
    );
    expect(longest.resources).toEqual(
      expect.arrayContaining(['data.DatabaseInstance', 'service.ServiceService']),
    );
    expect(longest.resources).not.toContain('foundation.EntranceLoadBalancer');
  });
});
