import { type Command, Option } from 'commander';
import { type Run, runPageSchema, runSchema } from '../../control-api/contracts/runs.ts';
import { findPractice, findRun } from './find.ts';
import { type Change, type FollowOptions, follow } from './follow.ts';
import { type ListingOptions, listing, pageRequest, sayMore, shownIds } from './listing.ts';
import { showChanges } from './run-changes.ts';
import { newestSeq } from './run-events.ts';
import { act, type Invocation, type Session } from './session.ts';
import { fields, table } from './table.ts';
import { duration, relative } from './text.ts';
import { explain, type WatchOptions, watched, watchRun } from './watch.ts';

const which = 'id, start of an id, or a practice (its newest run)';

export function runCommands(group: Command, invocation: Invocation): void {
  const list = listing(group.command('list').description('List runs, newest first'))
    .addOption(new Option('--state <state>').choices(runSchema.shape.state.options))
    .option('--practice <practice>', 'only those of one practice');
  act<ListingOptions & { state?: Run['state']; practice?: string }>(list, invocation, listRuns);

  const show = group
    .command('show')
    .argument('<run>', which)
    .description('Show one run, its steps and why it failed');
  act(show, invocation, async (session, _options, [text = '']) => {
    const run = await findRun(session.api, text);
    showRun(session, run);
    // Only an update changes stacks that are there; what a provisioning adds is told as it comes.
    if (run.workflow === 'update-practice' && !session.output.json) await showChanges(session, run);
    return undefined;
  });

  const watch = watched(
    group.command('watch').argument('<run>', which).description('Follow a run to its end'),
  );
  act<WatchOptions>(watch, invocation, async (session, watching, [text = '']) =>
    watchRun(session, (await findRun(session.api, text)).id, watching),
  );

  const retry = watched(
    group
      .command('retry')
      .argument('<run>', which)
      .description('Let a failed run go on from the step that failed')
      .option('--wait', 'follow it to its end'),
  );
  act<FollowOptions>(retry, invocation, retryRun);

  const cancel = watched(
    group
      .command('cancel')
      .argument('<run>', which)
      .description('End a run: of a provisioning remove what is safe to remove, of an update leave what is')
      .requiredOption('--reason <text>', 'kept in the audit trail')
      .option('--wait', 'follow it to its end'),
  );
  act<Change>(cancel, invocation, cancelRun);
}

async function listRuns(
  { api, output }: Session,
  { state, practice, ...options }: ListingOptions & { state?: Run['state']; practice?: string },
) {
  const path =
    practice === undefined ? '/v1/runs' : `/v1/practices/${(await findPractice(api, practice)).id}/runs`;
  const page = await api.list(path, runPageSchema, pageRequest(options), { state });
  output.document(page);
  if (page.items.length === 0) {
    output.line(
      state === undefined
        ? 'No runs yet. Approving a sign-up starts one: npx lumenality signup list --state requested'
        : `No run is ${state}.`,
    );
    return undefined;
  }
  const shown = shownIds(output, page.items);
  const now = new Date();
  output.line(
    table(
      output,
      ['RUN', 'PRACTICE', 'WORKFLOW', 'STATE', 'STEP', 'STARTED', 'TOOK'],
      page.items.map((run) => [
        shown(run.id),
        run.practiceId,
        run.workflow,
        run.state,
        run.steps.find(({ state }) => state === 'running' || state === 'failed')?.name ?? '-',
        relative(run.startedAt, now),
        took(run),
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

function took({ startedAt, finishedAt }: { startedAt: string | null; finishedAt: string | null }): string {
  if (startedAt === null || finishedAt === null) return '-';
  return duration(Date.parse(finishedAt) - Date.parse(startedAt));
}

function showRun({ output }: Session, run: Run): void {
  const now = new Date();
  output.document(run);
  output.line(
    fields(output, [
      ['Run', run.id],
      ['Practice', run.practiceId],
      ['Workflow', run.workflow],
      ['State', run.state],
      ...(run.waitingFor === null ? [] : [['Waits because', run.waitingFor] as const]),
      ['Requested', `by ${run.requestedBy}, ${run.createdAt}`],
      ['Started', run.startedAt ?? '-'],
      ['Finished', run.finishedAt ?? '-'],
    ]),
  );
  output.line();
  output.line(
    table(
      output,
      ['STEP', 'STATE', 'ATTEMPT', 'STARTED', 'TOOK'],
      run.steps.map((step) => [
        step.name,
        step.state,
        String(step.attempt),
        relative(step.startedAt, now),
        took(step),
      ]),
    ),
  );
  for (const kept of run.kept) output.line(`kept: ${kept}`);
  if (run.state === 'failed') output.line(`\n${explain(run)}`);
  else if (run.finishedAt === null) output.line(`\nNext: npx lumenality run watch ${run.id}`);
}

async function retryRun(session: Session, options: FollowOptions, [text = '']: readonly string[]) {
  const { api, output } = session;
  const { id } = await findRun(api, text);
  // What was told before the retry is no news of it.
  const after = options.wait === true ? await newestSeq(api, id) : 0;
  const run = await api.post(`/v1/runs/${id}/retry`, runSchema, {});
  output.line(`The run of ${run.practiceId} goes on from the step that failed.`);
  return follow(session, id, run, { ...options, after });
}

/** What calling a run off means, for the question before it. */
const whatCancelDoes: Readonly<Record<Run['workflow'], string>> = {
  'provision-practice': 'What it has made so far is removed.',
  'update-practice': 'Its stacks stay as they are by then.',
  'roll-back-practice': 'Its stacks stay as they are by then.',
  'suspend-practice': 'The access is opened again.',
  'resume-practice': 'The access is closed again.',
  'offboard-practice': 'The practice stays what it was.',
  'deprovision-practice': 'The final snapshot is deleted, and a new grace period begins.',
  'shred-practice': 'The key is kept, and the retention goes on.',
  'keep-key': 'It cannot be called off.',
  'purge-practice': 'It cannot be called off.',
};

async function cancelRun(session: Session, { reason, ...options }: Change, [text = '']: readonly string[]) {
  const { api, output, confirm } = session;
  const { id, practiceId, workflow } = await findRun(api, text);
  await confirm(`Cancel the run of ${practiceId} (${workflow})? ${whatCancelDoes[workflow]}`);
  const after = options.wait === true ? await newestSeq(api, id) : 0;
  const run = await api.post(`/v1/runs/${id}/cancel`, runSchema, { body: { reason } });
  output.line(`The run of ${practiceId} is ${run.state}.`);
  return follow(session, id, run, { ...options, after, wanted: 'cancelled' });
}
