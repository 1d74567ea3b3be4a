import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { withCostTable } from '../../bin/cost-table.ts';
import { priceList } from '../../lib/domain/cost/prices/index.ts';
import { siloCost } from '../../lib/domain/cost/silo-cost.ts';
import { usageOf } from '../../lib/domain/cost/usage.ts';
import { usualDesign, usualParameters } from '../../lib/domain/cost/usual-design.ts';
import { shapes } from '../../lib/domain/practice.ts';
import { components } from '../../lib/domain/release.ts';
import { instanceClasses } from '../../tenant-template/shape-table.ts';
import { parametersForShape } from '../../tenant-template/shapes.ts';
import { shippedTemplates } from '../builders/templates.ts';

interface TemplateBody {
  readonly Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>;
}

const templates = shippedTemplates();
const usd = (dollars: number) => Math.round(dollars * 1e9);

const costOf = (
  shape: (typeof shapes)[number],
  change: Readonly<Record<string, string>> = {},
  shipped: typeof templates = templates,
) =>
  siloCost({
    templates: shipped,
    parameters: { ...parametersForShape(shape), PracticeId: 'practice', ...change },
    usage: usageOf(shape),
    prices: priceList,
  });

/** The templates with more resources, or other ones. */
const withResources = (component: (typeof components)[number], resources: object): typeof templates => {
  const body = JSON.parse(templates[component]) as TemplateBody;
  return {
    ...templates,
    [component]: JSON.stringify({ ...body, Resources: { ...body.Resources, ...resources } }),
  };
};

describe('the cost of a shipped silo', () => {
  test.each(shapes)(
    '%s: every resource is priced or free for a reason, and the sum is that of its lines',
    (shape) => {
      const cost = costOf(shape);
      expect(cost.monthlyNanoUsd).toBe(cost.lines.reduce((sum, line) => sum + line.monthlyNanoUsd, 0));
      expect(cost.monthlyNanoUsd).toBe(cost.fixedNanoUsd + cost.usageNanoUsd);
      for (const line of cost.lines) {
        for (const figure of [line.quantityThousandths, line.unitPriceNanoUsd, line.monthlyNanoUsd]) {
          expect(Number.isSafeInteger(figure)).toBe(true);
          expect(figure).toBeGreaterThanOrEqual(0);
        }
      }
      const types = new Set(
        components.flatMap((component) =>
          Object.values((JSON.parse(templates[component]) as TemplateBody).Resources).map(({ Type }) => Type),
        ),
      );
      const accounted = [...cost.lines, ...cost.withoutCharge].map(({ resourceType }) => resourceType);
      // Resources of a condition that does not hold are not there.
      expect(accounted.filter((type) => !types.has(type))).toEqual([]);
    },
  );

  test('what AWS bills by being there adds up as on its price pages', () => {
    const of = (shape: (typeof shapes)[number], item: string) =>
      costOf(shape)
        .lines.filter((line) => line.item === item)
        .reduce((sum, line) => sum + line.monthlyNanoUsd, 0);
    expect(of('solo', 'Public IPv4 addresses of the load balancer')).toBe(usd(2 * 730 * 0.005));
    expect(of('solo', 'Load balancer')).toBe(usd(730 * 0.0225));
    expect(of('solo', 'Database db.t4g.micro')).toBe(usd(730 * 0.016));
    expect(of('solo', 'Endpoint of kms')).toBe(usd(730 * 0.01));
    expect(of('group', 'Endpoint of kms')).toBe(usd(2 * 730 * 0.01));
    expect(of('group', 'Storage of the database and of its standby')).toBe(usd(2 * 50 * 0.115));
    expect(of('solo', 'App: vCPU')).toBe(usd(0.25 * 730 * 0.03238));
  });

  test('each shape costs more than the one before', () => {
    const sums = shapes.map((shape) => costOf(shape).monthlyNanoUsd);
    expect([...sums].sort((one, other) => one - other)).toEqual(sums);
  });

  test('every instance class that a practice may choose has a price', () => {
    for (const InstanceClass of instanceClasses) {
      expect(costOf('solo', { InstanceClass }).monthlyNanoUsd).toBeGreaterThan(0);
    }
  });

  test('the usual design costs more than ours, with endpoints more than without', () => {
    const usual = (endpoints: boolean) =>
      costOf('solo', usualParameters, usualDesign(templates, { endpoints }));
    const gateways = usual(false).lines.filter(({ item }) => item === 'NAT gateway');
    expect(gateways.map(({ monthlyNanoUsd }) => monthlyNanoUsd)).toEqual([usd(32.85), usd(32.85)]);
    expect(usual(false).lines.filter(({ item }) => item.startsWith('Endpoint of'))).toEqual([]);
    expect(usual(true).monthlyNanoUsd).toBeGreaterThan(usual(false).monthlyNanoUsd);
    expect(usual(false).monthlyNanoUsd).toBeGreaterThan(costOf('solo').monthlyNanoUsd);
  });
});

describe('no cost can hide', () => {
  test('a resource type without a price or a reason is an error that names it', () => {
    const shipped = withResources('service', { Sneaky: { Type: 'AWS::Kinesis::Stream', Properties: {} } });
    expect(() => costOf('solo', {}, shipped)).toThrow('service/Sneaky (AWS::Kinesis::Stream) has no price');
  });

  test('nor can one behind a condition that is not known', () => {
    const shipped = withResources('service', { Maybe: { Type: 'AWS::KMS::Key', Condition: 'Nowhere' } });
    expect(() => costOf('solo', {}, shipped)).toThrow('Unknown condition Nowhere');
  });

  test.each([
    [
      'an instance class without a price',
      { InstanceClass: 'db.x2g.large' },
      'no price of database:db.x2g.large',
    ],
  ])('%s is an error', (_, change, message) => {
    expect(() => costOf('solo', change)).toThrow(message);
  });

  test.each([
    [
      'a log that nobody assumed',
      'foundation',
      { Other: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: '/lumenality/x/other' } } },
      'no usage is assumed for the log /lumenality/x/other',
    ],
    [
      'an endpoint that nobody assumed',
      'foundation',
      {
        Other: {
          Type: 'AWS::EC2::VPCEndpoint',
          Properties: {
            VpcEndpointType: 'Interface',
            ServiceName: { 'Fn::Sub': 'com.amazonaws.${AWS::Region}.sqs' },
            SubnetIds: ['a'],
          },
        },
      },
      'no usage is assumed for the service com.amazonaws.us-east-1.sqs',
    ],
    [
      'a function that is not known',
      'foundation',
      {
        Other: {
          Type: 'AWS::Logs::LogGroup',
          Properties: { LogGroupName: { 'Fn::ImportValue': 'elsewhere' } },
        },
      },
      'Unknown function Fn::ImportValue',
    ],
    [
      'a price that hangs on what only a deployment tells',
      'foundation',
      { Other: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: { Ref: 'Key' } } } },
      'known only after deployment (Key)',
    ],
    [
      'a firewall rule group with a fee of its own',
      'foundation',
      {
        Other: {
          Type: 'AWS::WAFv2::WebACL',
          Properties: {
            Rules: [
              {
                Statement: {
                  ManagedRuleGroupStatement: { VendorName: 'AWS', Name: 'AWSManagedRulesBotControlRuleSet' },
                },
              },
            ],
          },
        },
      },
      'may have a fee of its own',
    ],
  ] as const)('%s is an error', (_, component, resources, message) => {
    expect(() => costOf('solo', {}, withResources(component, resources))).toThrow(message);
  });
});

describe('more of anything costs more', () => {
  const anyShape = fc.constantFrom(...shapes);

  test('more tasks, storage, or a longer retention never cost less', () => {
    const parameters = [
      ['DesiredCount', 1, 9],
      ['AllocatedStorageGib', 100, 1_000],
      ['BackupRetentionDays', 35, 2_000],
    ] as const;
    fc.assert(
      fc.property(
        anyShape,
        fc
          .constantFrom(...parameters)
          .chain(([name, least, most]) =>
            fc.tuple(
              fc.constant(name),
              fc.integer({ min: least, max: most }),
              fc.integer({ min: 1, max: 50 }),
            ),
          ),
        (shape, [name, value, more]) => {
          const before = costOf(shape, { MaxCount: '100', [name]: String(value) });
          const after = costOf(shape, { MaxCount: '100', [name]: String(value + more) });
          expect(after.monthlyNanoUsd).toBeGreaterThan(before.monthlyNanoUsd);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('another resource adds exactly its own lines', () => {
    fc.assert(
      fc.property(anyShape, fc.integer({ min: 1, max: 5 }), (shape, count) => {
        const keys = Array.from({ length: count }, (_, place) => [
          `Extra${place}`,
          { Type: 'AWS::SecretsManager::Secret' },
        ]);
        const more = costOf(shape, {}, withResources('data', Object.fromEntries(keys)));
        const added = more.lines.filter(({ logicalId }) => logicalId.startsWith('Extra'));
        expect(added.filter(({ item }) => item === 'Secret')).toHaveLength(count);
        expect(more.monthlyNanoUsd - costOf(shape).monthlyNanoUsd).toBe(
          added.reduce((sum, line) => sum + line.monthlyNanoUsd, 0),
        );
      }),
      { numRuns: 10 },
    );
  });

  test('more use of a silo never costs less', () => {
    const usage = usageOf('solo');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), (times) => {
        const input = {
          templates,
          parameters: { ...parametersForShape('solo'), PracticeId: 'practice' },
          prices: priceList,
        };
        const busier = { ...usage, requests: usage.requests * times, keyRequests: usage.keyRequests * times };
        const [before, after] = [siloCost({ ...input, usage }), siloCost({ ...input, usage: busier })];
        expect(after.usageNanoUsd).toBeGreaterThanOrEqual(before.usageNanoUsd);
        expect(after.fixedNanoUsd).toBe(before.fixedNanoUsd);
      }),
      { numRuns: 20 },
    );
  });
});

test('the README shows the costs of these templates', () => {
  const readme = readFileSync(resolve(__dirname, '../../README.md'), 'utf8');
  // When this fails, run `npm run cost:readme` and look at what became dearer.
  expect(withCostTable(readme, templates)).toBe(readme);
});

test.each(shapes)('%s: prices that were recalled and not read decide next to nothing', (shape) => {
  const doubled = Object.entries(priceList.prices).map(([id, price]) => [
    id,
    price.seenIn === 'recalled' ? { ...price, nanoUsd: price.nanoUsd * 2 } : price,
  ]);
  const { monthlyNanoUsd } = siloCost({
    templates,
    parameters: { ...parametersForShape(shape), PracticeId: 'practice' },
    usage: usageOf(shape),
    prices: { ...priceList, prices: Object.fromEntries(doubled) },
  });
  expect(monthlyNanoUsd / costOf(shape).monthlyNanoUsd).toBeLessThan(1.02);
});

test('the price list says of each price where AWS publishes it, and when it was looked up', () => {
  expect(priceList).toMatchObject({ region: 'us-east-1', currency: 'USD' });
  for (const price of Object.values(priceList.prices))
    expect(new URL(price.source).hostname).toBe('aws.amazon.com');
});
