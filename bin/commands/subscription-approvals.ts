import type { Command } from 'commander';
import {
  approvalPageSchema,
  approvalSchema,
  type ShownApproval,
} from '../../control-api/contracts/subscription-approvals.ts';
import type { ApiClient } from './api-client.ts';
import { pickById } from './find.ts';
import { listing, type OpenListingOptions, openQuery, pageRequest, sayMore, shownIds } from './listing.ts';
import { money } from './money.ts';
import type { Output } from './output.ts';
import { act, type Invocation, type Session } from './session.ts';
import { fields, table } from './table.ts';
import { relative } from './text.ts';

const whichRequest = 'id, or a unique start of it, as `subscription approvals` shows it';

interface Decision {
  readonly reason?: string;
}

/** What one plan administrator asks for and another approves. */
export function approvalCommands(group: Command, invocation: Invocation): void {
  const list = listing(
    group.command('approvals').description('List what waits for a second plan administrator, newest first'),
  )
    .option('--practice <practice>', 'only those of this practice')
    .option('--past', 'also those that are decided or expired');
  act<OpenListingOptions>(list, invocation, listApprovals);

  const approve = group
    .command('approve')
    .argument('<request>', whichRequest)
    .description('Approve what somebody else has asked for: it is carried out at once')
    .option('--reason <text>', 'kept in the audit trail');
  act<Decision>(approve, invocation, approveRequest);

  const decline = group
    .command('decline')
    .argument('<request>', whichRequest)
    .description('Turn a request down, or take back your own')
    .requiredOption('--reason <text>', 'kept in the audit trail');
  act<Decision>(decline, invocation, async ({ api, output }, { reason }, [text = '']) => {
    const id = await findRequest(api, text);
    const approval = await api.post(`/v1/subscription-approvals/${id}/decline`, approvalSchema, {
      body: { reason },
    });
    output.document(approval);
    output.line('The request is declined: nothing was changed.');
    return undefined;
  });
}

async function approveRequest(
  { api, output, confirm }: Session,
  { reason }: Decision,
  [text = '']: readonly string[],
) {
  const path = `/v1/subscription-approvals/${await findRequest(api, text)}`;
  const { body: request, etag } = await api.getTagged(path, approvalSchema);
  showRequest(output, request);
  await confirm(`Approve this ${wordsOf(request)} for ${request.practiceId}?`);
  const body = reason === undefined ? {} : { reason };
  const approval = await api.post(`${path}/approve`, approvalSchema, { body, etag });
  output.document(approval);
  output.line(`The ${wordsOf(approval)} for ${approval.practiceId} is approved and done.`);
  return undefined;
}

/** All that is going to be carried out: who approves it answers for it. */
function showRequest(output: Output, { input, valueCents, currency, ...request }: ShownApproval): void {
  const details = Object.entries(input).map(
    ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
  );
  output.line(
    fields(output, [
      ['Practice', request.practiceId],
      ['Asked by', `${request.requestedBy}, ${request.requestedAt}`],
      ['Reason', request.reason],
      ...(valueCents === 0 ? [] : [['Worth', money(valueCents, currency)] as const]),
      ...details,
    ]),
  );
}

async function listApprovals({ api, output }: Session, options: OpenListingOptions) {
  const query = await openQuery(api, options);
  const page = await api.list('/v1/subscription-approvals', approvalPageSchema, pageRequest(options), query);
  output.document(page);
  if (page.items.length === 0) {
    output.line('Nothing waits for approval.');
    return undefined;
  }
  const now = new Date();
  const shown = shownIds(output, page.items);
  output.line(
    table(
      output,
      ['REQUEST', 'PRACTICE', 'WHAT', 'WORTH', 'BY', 'STATE', 'REASON'],
      page.items.map((row) => [
        shown(row.id),
        row.practiceId,
        wordsOf(row),
        row.valueCents === 0 ? '-' : money(row.valueCents, row.currency),
        row.requestedBy,
        // Whatever can still be decided says until when.
        row.state === 'requested' ? `expires ${relative(row.expiresAt, now)}` : row.state,
        row.reason,
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

const wordsOf = ({ kind }: ShownApproval): string => kind.replaceAll('_', ' ');

/** @throws CommandError when no request has such an id, or more than one */
async function findRequest(api: ApiClient, text: string): Promise<string> {
  const { items } = await api.list('/v1/subscription-approvals', approvalPageSchema, { limit: undefined });
  return pickById('request', text, items, 'subscription approvals --past').id;
}
