import { type Command, Option } from 'commander';
import { type Override, overridePageSchema, overrideSchema } from '../../control-api/contracts/changes.ts';
import { findPractice } from './find.ts';
import { type ListingOptions, listing, pageRequest, sayMore, wholeNumber } from './listing.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';
import { relative } from './text.ts';

const which = 'id or name of the practice, or a unique start of either';

interface Allowance {
  readonly component: Override['component'];
  readonly resource: string;
  readonly effect: Override['effect'];
  readonly reason: string;
  readonly expiresInMinutes: number;
}

/** Exceptions from the change review, for security administrators. */
export function overrideCommands(group: Command, invocation: Invocation): void {
  const list = listing(
    group
      .command('list')
      .argument('<practice>', which)
      .description('List the overrides of a practice, newest first'),
  );
  act<ListingOptions>(list, invocation, listOverrides);

  const allow = group
    .command('allow')
    .argument('<practice>', which)
    .description('Let one run replace or remove one resource that the change review protects')
    .addOption(
      new Option('--component <stack>', 'the stack that has the resource')
        .choices(overrideSchema.shape.component.options)
        .makeOptionMandatory(),
    )
    .requiredOption('--resource <logical id>', 'the resource, as the refused change names it')
    .addOption(
      new Option('--effect <effect>').choices(overrideSchema.shape.effect.options).makeOptionMandatory(),
    )
    .requiredOption('--reason <text>', 'kept in the audit trail')
    .option('--expires-in-minutes <minutes>', 'at most a day', wholeNumber(1, 1_440), 60);
  act<Allowance>(allow, invocation, allowChange);

  const revoke = group
    .command('revoke')
    .argument('<practice>', which)
    .argument('<override>', 'id, as the list shows it')
    .description('Take an override back');
  act(revoke, invocation, async ({ api, output }, _options, [text = '', override = '']) => {
    const { id } = await findPractice(api, text);
    await api.delete(`/v1/practices/${id}/change-overrides/${encodeURIComponent(override)}`);
    output.document({ id: override, revoked: true });
    output.line('The override is revoked.');
    return undefined;
  });
}

async function listOverrides(
  { api, output }: Session,
  options: ListingOptions,
  [text = '']: readonly string[],
) {
  const { id } = await findPractice(api, text);
  const page = await api.list(
    `/v1/practices/${id}/change-overrides`,
    overridePageSchema,
    pageRequest(options),
  );
  output.document(page);
  if (page.items.length === 0) {
    output.line(`Nothing was ever allowed against the change review of ${id}.`);
    return undefined;
  }
  const now = new Date();
  output.line(
    table(
      output,
      ['OVERRIDE', 'STACK', 'RESOURCE', 'EFFECT', 'STATE', 'EXPIRES', 'BY', 'REASON'],
      page.items.map((row) => [
        row.id,
        row.component,
        row.logicalId,
        row.effect,
        row.state,
        relative(row.expiresAt, now),
        row.createdBy,
        row.reason,
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

async function allowChange(
  { api, output, confirm }: Session,
  { resource, ...allowance }: Allowance,
  [text = '']: readonly string[],
) {
  const { id } = await findPractice(api, text);
  await confirm(`Let a run ${allowance.effect} ${resource} of ${id}? What it holds may be lost.`);
  const override = await api.post(`/v1/practices/${id}/change-overrides`, overrideSchema, {
    body: { ...allowance, logicalId: resource },
  });
  output.document(override);
  output.line(
    `One run may ${override.effect} ${override.logicalId} (${override.resourceType}) of ${id} until ${override.expiresAt}.`,
  );
  output.line(`Take it back with: npx lumenality override revoke ${id} ${override.id}`);
  return undefined;
}
