import { type Command, Option } from 'commander';
import {
  type Notice,
  noticePageSchema,
  noticeQuerySchema,
  noticeSchema,
} from '../../control-api/contracts/notices.ts';
import { findPracticeId } from './find.ts';
import { type ListingOptions, listing, pageRequest, sayMore } from './listing.ts';
import { noticeEndpointCommands } from './notice-endpoint.ts';
import type { Output } from './output.ts';
import { act, type Invocation, type Session } from './session.ts';
import { type Cell, fields, table } from './table.ts';
import { relative } from './text.ts';

const which = 'id, as the list shows it';
const deliveryStates = noticeQuerySchema.shape.delivery.unwrap().options;

interface NoticeListing extends ListingOptions {
  readonly practice?: string;
  readonly delivery?: (typeof deliveryStates)[number];
}

/** What practices and other systems are told, and what became of it. */
export function noticeCommands(group: Command, invocation: Invocation): void {
  group.addHelpText(
    'after',
    '\nExamples:\n  lumenality notice list --practice sunrise-aba\n  lumenality notice list --delivery failed\n  lumenality notice endpoint add https://status.example.com/hooks --kinds update_failed,rollout_paused > secret',
  );
  const list = listing(group.command('list').description('List notices, newest first'))
    .option('--practice <practice>', 'only of this practice: id or name, or a unique start of either')
    .addOption(
      new Option('--delivery <state>', 'only those with a delivery in this state').choices(deliveryStates),
    );
  act<NoticeListing>(list, invocation, listNotices);

  const show = group
    .command('show')
    .argument('<notice>', which)
    .description('Show a notice and what became of it at each destination');
  act(show, invocation, async (session, _options, [id = '']) => {
    showNotice(session, await session.api.get(`/v1/notices/${encodeURIComponent(id)}`, noticeSchema));
    return undefined;
  });

  const redeliver = group
    .command('redeliver')
    .argument('<notice>', which)
    .description('Send a notice once more, wherever it was given up')
    .option('--delivery-id <id>', 'only this delivery, also when it arrived')
    .requiredOption('--reason <text>', 'kept in the audit trail');
  act<{ deliveryId?: string; reason: string }>(redeliver, invocation, async (session, options, [id = '']) => {
    const path = `/v1/notices/${encodeURIComponent(id)}/redeliver`;
    showNotice(session, await session.api.post(path, noticeSchema, { body: { ...options } }));
    return undefined;
  });

  noticeEndpointCommands(
    group
      .command('endpoint')
      .description('Where webhooks go: add, remove and try addresses, rotate their secrets'),
    invocation,
  );
}

async function listNotices({ api, output }: Session, { practice, delivery, ...page }: NoticeListing) {
  const id = await findPracticeId(api, practice);
  const answer = await api.list('/v1/notices', noticePageSchema, pageRequest(page), {
    practice: id,
    delivery,
  });
  output.document(answer);
  if (answer.items.length === 0) {
    output.line('No notices.');
    return undefined;
  }
  const now = new Date();
  output.line(
    table(
      output,
      ['NOTICE', 'KIND', 'PRACTICE', 'WRITTEN', 'DELIVERIES'],
      answer.items.map((notice) => [
        notice.id,
        notice.kind,
        notice.practiceId ?? '-',
        relative(notice.createdAt, now),
        summary(notice, output),
      ]),
    ),
  );
  sayMore(output, answer.nextCursor);
  return undefined;
}

/** `2 delivered, 1 failed`. */
function summary({ deliveries }: Notice, { colours }: Output): Cell {
  const counts = deliveryStates.flatMap((state) => {
    const count = deliveries.filter((delivery) => delivery.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  const text = counts.join(', ') || 'nobody asked for it';
  return text.includes('failed') ? { text, paint: colours.red } : text;
}

function showNotice({ output }: Session, notice: Notice): void {
  const now = new Date();
  output.document(notice);
  output.line(
    fields(output, [
      ['Notice', notice.id],
      ['Kind', notice.kind],
      ['Practice', notice.practiceId ?? '-'],
      ['About', `${notice.subject.type} ${notice.subject.id}`],
      ['Written', relative(notice.createdAt, now)],
      ...Object.entries(notice.data).map(
        ([name, value]) => [`  ${name}`, Array.isArray(value) ? value.join(', ') : String(value)] as const,
      ),
    ]),
  );
  if (notice.deliveries.length === 0) {
    output.line('\nNobody asked for notices of this kind.');
    return;
  }
  output.line();
  output.line(
    table(
      output,
      ['DELIVERY', 'TO', 'STATE', 'TRIES', 'NEXT', 'LAST ERROR'],
      notice.deliveries.map((delivery) => [
        delivery.id,
        delivery.address ?? `endpoint ${delivery.endpointId}`,
        delivery.state,
        String(delivery.attempts),
        relative(delivery.dueAt, now),
        delivery.lastError ?? '-',
      ]),
    ),
  );
}
