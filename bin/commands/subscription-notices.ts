import type { Command } from 'commander';
import { subscriptionNoticePageSchema } from '../../control-api/contracts/subscription-notices.ts';
import { findPractice } from './find.ts';
import { type ListingOptions, listing, pageRequest, sayMore } from './listing.ts';
import { act, type Invocation } from './session.ts';
import { table } from './table.ts';

/** In UTC; `--json` has the rest. */
const toMinute = (time: string): string => `${time.slice(0, 16)}Z`;

/** What practices were told of their subscriptions. */
export function subscriptionNoticeCommands(group: Command, invocation: Invocation): void {
  const notices = listing(
    group
      .command('notices')
      .argument('<practice>', 'id or name, or a unique start of either')
      .description('List what a practice was told of its subscription, newest first, and when it was sent'),
  );
  act<ListingOptions>(notices, invocation, async ({ api, output }, options, [text = '']) => {
    const { id } = await findPractice(api, text);
    const path = `/v1/practices/${id}/subscription/notices`;
    const page = await api.list(path, subscriptionNoticePageSchema, pageRequest(options));
    output.document(page);
    output.line(
      table(
        output,
        ['WRITTEN', 'SENT', 'KIND', 'ABOUT', 'OUTCOME'],
        page.items.map(({ writtenAt, sentAt, kind, about, outcome }) => [
          toMinute(writtenAt),
          sentAt === null ? 'not yet' : toMinute(sentAt),
          kind,
          about ?? '-',
          outcome ?? '-',
        ]),
      ),
    );
    sayMore(output, page.nextCursor);
    return undefined;
  });
}
