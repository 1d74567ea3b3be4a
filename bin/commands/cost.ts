import { type Command, Option } from 'commander';
import { type Cost, costSchema, practiceCostSchema } from '../../control-api/contracts/cost.ts';
import { findPractice } from './find.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';
import { cents } from './text.ts';

/** `lumenality cost`: one command without verbs below it. */
export function costCommand(command: Command, invocation: Invocation): void {
  command
    .addOption(
      new Option('--shape <shape>', 'how large the silo is')
        .choices(costSchema.shape.shape.options)
        .makeOptionMandatory(),
    )
    .option('--release <id>', 'default: the newest');
  act<{ shape: Cost['shape']; release?: string }>(
    command,
    invocation,
    async (session, { shape, release }) => {
      const cost = await session.api.get('/v1/cost', costSchema, { query: { shape, releaseId: release } });
      session.output.document(cost);
      showCost(session, `A ${shape} silo`, cost);
      return undefined;
    },
  );
}

/** `lumenality practice cost`. */
export function practiceCostCommand(group: Command, invocation: Invocation): void {
  const cost = group
    .command('cost')
    .argument('<practice>', 'id or name, or a unique start of either')
    .description("Show what a practice's silo costs a month at list prices, by line item");
  act(cost, invocation, async (session, _options, [text = '']) => {
    const practice = await findPractice(session.api, text);
    const quoted = await session.api.get(`/v1/practices/${practice.id}/cost`, practiceCostSchema);
    session.output.document(quoted);
    showCost(session, `The silo of ${practice.id} (${quoted.shape})`, quoted);
    return undefined;
  });
}

function showCost({ output }: Session, name: string, cost: Cost): void {
  const lines = cost.lines.toSorted((one, other) => other.monthlyNanoUsd - one.monthlyNanoUsd);
  output.line(
    table(
      output,
      ['ITEM', 'RESOURCE', 'QUANTITY', 'UNIT PRICE', 'USD A MONTH', 'BASIS'],
      lines.map((line) => [
        line.item,
        output.wide ? `${line.component}/${line.logicalId} (${line.resourceType})` : line.logicalId,
        `${line.quantity} ${line.unit}`,
        exact(line.unitPriceNanoUsd),
        cents(line.monthlyNanoUsd),
        line.basis,
      ]),
    ),
  );
  output.line(
    `\n${name} in release ${cost.releaseId}: ${cents(cost.monthlyNanoUsd)} USD a month, ` +
      `${cents(cost.fixedNanoUsd)} fixed and ${cents(cost.usageNanoUsd)} by use.`,
  );
  output.line(
    `On-demand list prices of ${cost.region} as of ${cost.pricesAsOf}, for ${cost.usage.clinicians} clinicians and ` +
      `${cost.usage.requests.toLocaleString('en-US')} requests a month. Not a bill: no free tier, discount, tax or support.`,
  );
}

const nano = 1_000_000_000;

/** Dollars with all the digits that there are, two at least. */
function exact(nanoUsd: number): string {
  const digits = String(nanoUsd % nano)
    .padStart(9, '0')
    .replace(/0{1,7}$/, '');
  return `${Math.floor(nanoUsd / nano)}.${digits}`;
}
