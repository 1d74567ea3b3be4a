import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import {
  endpointPageSchema,
  endpointWithSecretSchema,
  noticeSchema,
} from '../../control-api/contracts/notices.ts';
import { commandError } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';
import { findPractice, findPracticeId } from './find.ts';
import { type ListingOptions, listing, pageRequest, sayMore } from './listing.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';
import { clean, duration, relative } from './text.ts';
import { milliseconds } from './watch.ts';

const which = 'id, as the list shows it';
const practiceOption = 'id or name of a practice, or a unique start of either';
const pollMs = 300;
const patienceMs = 30_000;

interface Addition {
  readonly practice?: string;
  readonly kinds?: readonly string[];
}

/** Addresses that webhooks go to. */
export function noticeEndpointCommands(group: Command, invocation: Invocation): void {
  const list = listing(group.command('list').description('List where webhooks go, newest first')).option(
    '--practice <practice>',
    `only of this practice: ${practiceOption}`,
  );
  act<ListingOptions & { practice?: string }>(list, invocation, listEndpoints);

  const add = group
    .command('add')
    .argument('<url>', 'https, and on AWS a public address')
    .description('Send webhooks to an address; their secret is shown this once, alone on stdout')
    .option('--practice <practice>', `only of this practice: ${practiceOption}`)
    .option('--kinds <list>', 'only of these kinds, comma-separated', (text: string) =>
      text.split(',').map((each) => each.trim()),
    );
  act<Addition>(add, invocation, addEndpoint);

  const remove = group
    .command('remove')
    .argument('<endpoint>', which)
    .description('Send nothing more to an address; what was still to be sent is cancelled');
  act(remove, invocation, async ({ api, output, confirm }, _options, [id = '']) => {
    await confirm(`Remove the endpoint ${clean(id)}? What was still to be sent to it is cancelled.`);
    await api.delete(pathOf(id));
    output.document({ id, removed: true });
    output.line('The endpoint is removed.');
    return undefined;
  });

  const rotate = group
    .command('rotate')
    .argument('<endpoint>', which)
    .description('Make a new secret; the one before signs beside it for a day');
  act(rotate, invocation, async (session, _options, [id = '']) => {
    const rotated = await session.api.post(`${pathOf(id)}/rotate-secret`, endpointWithSecretSchema, {});
    showSecret(session, rotated, `Both secrets sign until ${rotated.previousSecretUntil}.`);
    return undefined;
  });

  const test = group
    .command('test')
    .argument('<endpoint>', which)
    .description('Send a test and wait for the answer; exit code 1 unless it was taken')
    .option('--timeout <duration>', 'stop waiting after, such as 30s or 2m', milliseconds);
  act<{ timeout?: number }>(test, invocation, testEndpoint);
}

const pathOf = (id: string): string => `/v1/notice-endpoints/${encodeURIComponent(id)}`;

async function listEndpoints(
  { api, output }: Session,
  { practice, ...page }: ListingOptions & { readonly practice?: string },
) {
  const id = await findPracticeId(api, practice);
  const answer = await api.list('/v1/notice-endpoints', endpointPageSchema, pageRequest(page), {
    practice: id,
  });
  output.document(answer);
  if (answer.items.length === 0) {
    output.line('No endpoints. Add one with: npx lumenality notice endpoint add https://…');
    return undefined;
  }
  const now = new Date();
  output.line(
    table(
      output,
      ['ENDPOINT', 'OF', 'URL', 'KINDS', 'ADDED'],
      answer.items.map((row) => [
        row.id,
        row.practice ?? 'the fleet',
        row.url,
        row.kinds.join(', '),
        `${relative(row.createdAt, now)} by ${row.createdBy}`,
      ]),
    ),
  );
  sayMore(output, answer.nextCursor);
  return undefined;
}

async function addEndpoint(session: Session, options: Addition, [url = '']: readonly string[]) {
  const { api } = session;
  const practice = options.practice === undefined ? null : (await findPractice(api, options.practice)).id;
  const kinds = options.kinds === undefined ? {} : { kinds: options.kinds };
  const body = { url, practice, ...kinds };
  const added = await api.post('/v1/notice-endpoints', endpointWithSecretSchema, { body });
  showSecret(session, added, `Try it with: npx lumenality notice endpoint test ${added.id}`);
  return undefined;
}

function showSecret(
  { output, world }: Session,
  endpoint: { readonly id: string; readonly secret: string },
  next: string,
): void {
  output.document(endpoint);
  output.line(endpoint.secret);
  if (output.json) return;
  // Beside stdout, so that `… > file` holds the secret and nothing else.
  world.stderr.write(
    `The secret of the endpoint ${endpoint.id} is shown this once: the receiver needs it to check signatures.\n${next}\n`,
  );
}

async function testEndpoint(
  { api, output }: Session,
  { timeout = patienceMs }: { readonly timeout?: number },
  [id = '']: readonly string[],
) {
  const sent = await api.post(`${pathOf(id)}/test`, noticeSchema, {});
  const deadline = performance.now() + timeout;
  for (;;) {
    const notice = await api.get(`/v1/notices/${sent.id}`, noticeSchema);
    const [delivery] = notice.deliveries;
    if (delivery?.state === 'delivered') {
      output.document(notice);
      output.line('The receiver took the test.');
      return exitCodes.done;
    }
    if (delivery !== undefined && delivery.lastError !== null) {
      output.document(notice);
      output.line(`The test was not taken: ${clean(delivery.lastError)}`);
      return exitCodes.failed;
    }
    if (performance.now() > deadline) {
      throw commandError('timed_out', `Nobody has tried to send the test within ${duration(timeout)}.`, {
        hint: `See what became of it with: npx lumenality notice show ${sent.id}`,
      });
    }
    await delay(pollMs);
  }
}
