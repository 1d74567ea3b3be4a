import type { Command } from 'commander';
import { waitingListSchema } from '../../control-api/contracts/subscriptions.ts';
import { type ListingOptions, listing, pageRequest, sayMore } from './listing.ts';
import { act, type Invocation } from './session.ts';
import { table } from './table.ts';
import { relative } from './text.ts';

/** `plan waiting-list`: who waits for a place in a plan. */
export function waitingListCommand(group: Command, invocation: Invocation): void {
  const list = listing(
    group
      .command('waiting-list')
      .argument('<plan>', 'id of the plan, as the list shows it')
      .description('List the sign-ups that wait for a place in a plan, the first of the list first'),
  );
  act<ListingOptions>(list, invocation, async ({ api, output }, options, [id = '']) => {
    const path = `/v1/plans/${encodeURIComponent(id)}/waiting-list`;
    const page = await api.list(path, waitingListSchema, pageRequest(options));
    output.document(page);
    const now = new Date();
    output.line(
      page.items.length === 0
        ? 'Nobody waits for a place.'
        : table(
            output,
            ['PLACE', 'SIGN-UP', 'NAME', 'WAITS SINCE', 'NOW'],
            page.items.map(({ position, signUpId, displayName, since, placeFree, objection }) => [
              String(position),
              signUpId,
              displayName,
              relative(since, now),
              objection ?? (placeFree ? 'a place is free: approve it again' : 'waits'),
            ]),
          ),
    );
    sayMore(output, page.nextCursor);
    return undefined;
  });
}
