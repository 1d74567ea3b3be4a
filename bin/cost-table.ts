import { priceList } from '../lib/domain/cost/prices/index.ts';
import { type CostLine, type SiloCost, siloCost } from '../lib/domain/cost/silo-cost.ts';
import { usageOf } from '../lib/domain/cost/usage.ts';
import { usualDesign, usualParameters } from '../lib/domain/cost/usual-design.ts';
import { type Shape, shapes } from '../lib/domain/practice.ts';
import type { Release } from '../lib/domain/release.ts';
import { parametersForShape } from '../tenant-template/shapes.ts';
import { cents } from './commands/text.ts';

/** What the smallest silo should cost at most. */
const soloAimNanoUsd = 100_000_000_000;

const begin = '<!-- cost table: written by `npm run cost:readme` -->';
const end = '<!-- end of the cost table -->';

/** What the README's lines of the table stand for, by the first words of a resource type; the first that fits counts. */
const groups: ReadonlyArray<readonly [name: string, types: readonly string[]]> = [
  ['interface endpoints', ['AWS::EC2::VPCEndpoint']],
  ['load balancer and its addresses', ['AWS::ElasticLoadBalancingV2::']],
  ['database, its storage, secret and logs', ['AWS::RDS::']],
  ['web firewall', ['AWS::WAFv2::']],
  ['app', ['AWS::ECS::']],
  ['alarms and dashboard', ['AWS::CloudWatch::', 'AWS::ApplicationAutoScaling::', 'AWS::SNS::']],
  ['backups and their second copies', ['AWS::Backup::']],
  ['key, logs and objects', ['AWS::KMS::', 'AWS::Logs::', 'AWS::S3::']],
];

/** The README with its cost table put in place of the one that is there. @throws Error when the markers are missing. */
export function withCostTable(readme: string, templates: Release['templates']): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`README.md has no place for the cost table: put in ${begin} and ${end}.`);
  return `${readme.slice(0, from)}${begin}\n${costTable(templates)}\n${readme.slice(to)}`;
}

function costTable(templates: Release['templates']): string {
  const costs = shapes.map((shape) => costOf(templates, shape));
  const usual = (endpoints: boolean) =>
    shapes.map((shape) => costOf(usualDesign(templates, { endpoints }), shape, usualParameters));
  const solo = costOf(templates, 'solo');
  return [
    `| USD a month | ${shapes.map((shape) => `\`${shape}\``).join(' | ')} |`,
    `|---|${shapes.map(() => '---:|').join('')}`,
    ...groups.map(([name]) =>
      row(
        name,
        costs.map((cost) => cents(groupSum(cost, name))),
      ),
    ),
    row(
      '**this design**',
      costs.map((cost) => `**${cents(cost.monthlyNanoUsd)}**`),
    ),
    row(
      'two NAT gateways, no endpoints, Multi-AZ',
      usual(false).map((cost) => cents(cost.monthlyNanoUsd)),
    ),
    row(
      'two NAT gateways, endpoints in both zones, Multi-AZ',
      usual(true).map((cost) => cents(cost.monthlyNanoUsd)),
    ),
    '',
    `On-demand list prices of ${priceList.region} looked up on ${priceList.asOf}, 730 hours, without free tiers, discounts, tax and support. By being there: ` +
      `${cents(solo.fixedNanoUsd)} of the ${cents(solo.monthlyNanoUsd)} USD of \`solo\`; by use, at ${solo.clinicians} clinicians: ${cents(solo.usageNanoUsd)}. ` +
      `The aim for \`solo\` is at most ${cents(soloAimNanoUsd)}: ${verdictOn(solo)}.`,
  ].join('\n');
}

function verdictOn({ monthlyNanoUsd }: SiloCost): string {
  const over = monthlyNanoUsd - soloAimNanoUsd;
  return over <= 0 ? `met, with ${cents(-over)} to spare` : `missed by ${cents(over)}`;
}

function costOf(
  templates: Release['templates'],
  shape: Shape,
  change: Readonly<Record<string, string>> = {},
): SiloCost & { readonly clinicians: number } {
  const usage = usageOf(shape);
  const parameters = { ...parametersForShape(shape), PracticeId: 'practice', ...change };
  return { ...siloCost({ templates, parameters, usage, prices: priceList }), clinicians: usage.clinicians };
}

function groupSum({ lines }: SiloCost, name: string): number {
  return lines.filter((line) => groupOf(line) === name).reduce((sum, line) => sum + line.monthlyNanoUsd, 0);
}

/** @throws Error for a resource type of no group: the groups would no longer add up to the sum. */
function groupOf({ resourceType }: CostLine): string {
  const group = groups.find(([, types]) => types.some((type) => resourceType.startsWith(type)));
  if (group === undefined)
    throw new Error(`${resourceType} belongs to no line of the cost table in bin/cost-table.ts.`);
  return group[0];
}

const row = (name: string, values: readonly string[]): string => `| ${name} | ${values.join(' | ')} |`;
