import { type Command, InvalidArgumentError } from 'commander';
import { practiceSchema } from '../../control-api/contracts/practices.ts';
import { type Run, runSchema } from '../../control-api/contracts/runs.ts';
import { commandError } from './command-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { LiveView } from './live-view.ts';
import type { Output } from './output.ts';
import { PlainLines } from './plain-lines.ts';
import { followRun } from './run-events.ts';
import { RunProgress } from './run-progress.ts';
import type { Session } from './session.ts';
import { clean, duration } from './text.ts';

export interface WatchOptions {
  /** Milliseconds; undefined for as long as it takes. */
  readonly timeout?: number | undefined;
  /** Where no live view is drawn: a line for every resource and check. */
  readonly verbose?: boolean | undefined;
}

export interface WatchRequest extends WatchOptions {
  /** Events up to this seq are known already. */
  readonly after?: number;
  /** How the run is meant to end. */
  readonly wanted?: 'succeeded' | 'cancelled';
  /** What the document of --json holds beside the run. */
  readonly beside?: object;
}

/** Adds the options of a command that follows a run. */
export function watched(command: Command): Command {
  return command
    .option('--timeout <duration>', 'stop following after, such as 90s or 15m', milliseconds)
    .option('--verbose', 'in a log, a line for every resource and check, not for the steps alone');
}

/** A commander argument parser for a length of time. */
export function milliseconds(text: string): number {
  const [, count, unit] = /^(\d{1,6})(s|m|h)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined || Number(count) === 0) {
    throw new InvalidArgumentError('It must be a duration such as 90s, 15m or 1h.');
  }
  const length = Number(count) * { s: 1_000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h'];
  if (length > longestTimerMs) throw new InvalidArgumentError('It must be 24 days or less.');
  return length;
}

/** Node's timers take 31 bits; a longer one would end at once. */
const longestTimerMs = 2 ** 31 - 1;

interface Leaving {
  /** Milliseconds; undefined for as long as it takes. */
  readonly timeout: number | undefined;
  /** How to come back. */
  readonly hint: string;
}

/** Watches until `watch` returns. Ctrl-C and the timeout end the watching, and only that: by the signal, and a `CommandError` that says so. */
export async function untilLeft<Result>(
  { timeout, hint }: Leaving,
  watch: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const leaving = new AbortController();
  const leave = () => leaving.abort(commandError('interrupted', 'Stopped watching.', { hint }));
  const tooLong = (waited: string) =>
    leaving.abort(commandError('timed_out', `It has not ended within ${waited}.`, { hint }));
  const timer = timeout === undefined ? undefined : setTimeout(tooLong, timeout, duration(timeout));
  process.on('SIGINT', leave);
  try {
    return await watch(leaving.signal);
  } catch (error) {
    leaving.signal.throwIfAborted();
    throw error;
  } finally {
    // After a Ctrl-C the listener stays: npm may send a second one, which must not cut off what is still to be said.
    if (!leaving.signal.aborted) process.off('SIGINT', leave);
    leaving.abort();
    clearTimeout(timer);
  }
}

/**
 * Follows a run to its end and says how it ended; the exit code says so too. With --json the run as it ended is the
 * one document. Ctrl-C and --timeout end the watching, never the run.
 */
export async function watchRun(session: Session, runId: string, request: WatchRequest): Promise<ExitCode> {
  const { output, api } = session;
  const progress = new RunProgress(await api.get(`/v1/runs/${runId}`, runSchema));
  output.line(output.colours.dim(`Run ${progress.id}: ${progress.workflow} for ${progress.practiceId}`));
  const [run] = await followToEnd(session, [progress], request);
  if (run === undefined) throw new Error('no run was followed');
  output.document({ ...run, ...request.beside });
  await tellOutcome(session, run);
  return run.state === (request.wanted ?? 'succeeded') ? exitCodes.done : exitCodes.failed;
}

/** Shows the progress of runs until each has ended; returns them as the API then tells them. */
export async function followToEnd(
  session: Session,
  runs: readonly RunProgress[],
  { after, timeout, verbose = false }: Omit<WatchRequest, 'wanted'>,
): Promise<Run[]> {
  const view = session.output.live ? await openLiveView(runs, session.output) : undefined;
  try {
    return await untilLeft({ timeout, hint: comeBack(runs) }, (signal) =>
      Promise.all(runs.map((progress) => followOne(session, progress, { after, view, verbose, signal }))),
    );
  } finally {
    await view?.close();
  }
}

/** Loaded only for a terminal: it is the largest part of the command line. */
async function openLiveView(runs: readonly RunProgress[], output: Output): Promise<LiveView> {
  const { drawLive } = await import('./live-view.ts');
  return drawLive(runs, output);
}

const comeBack = (runs: readonly RunProgress[]): string =>
  [
    'The control plane goes on with it. Come back with:',
    ...runs.map(({ id }) => `  npx lumenality run watch ${id}`),
  ].join('\n');

async function followOne(
  session: Session,
  progress: RunProgress,
  options: { after: number | undefined; view: LiveView | undefined; verbose: boolean; signal: AbortSignal },
): Promise<Run> {
  const { api, output } = session;
  const { view, signal } = options;
  const say = (text: string) => (view === undefined ? output.line(text) : undefined);
  const plain = new PlainLines(progress, output.colours, options.verbose);
  let after = options.after;
  for (;;) {
    for await (const item of followRun(api, progress.id, { after, signal })) {
      if (item.kind === 'event') {
        progress.apply(item.event);
        after = item.event.seq;
        const line = plain.lineOf(item.event);
        if (line !== undefined) say(line);
      } else {
        progress.setLost(item.kind === 'lost' ? item.reason : undefined);
        say(
          item.kind === 'lost'
            ? `Lost the control plane (${clean(item.reason)}); trying again. The run does not depend on this connection.`
            : 'The control plane is back.',
        );
      }
    }
    const run = await api.get(`/v1/runs/${progress.id}`, runSchema, { signal });
    progress.settle(run);
    // Somebody may have retried it between the end of the stream and this answer.
    if (hasEnded(run)) {
      view?.ended(progress);
      return run;
    }
  }
}

export const hasEnded = ({ state }: Run) =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled';

async function tellOutcome({ api, output }: Session, run: Run): Promise<void> {
  const { colours } = output;
  const took =
    run.startedAt === null || run.finishedAt === null
      ? ''
      : ` after ${duration(Date.parse(run.finishedAt) - Date.parse(run.startedAt))}`;
  if (run.state === 'succeeded') {
    // What the run was for is read again, not concluded.
    const practice = await api.get(`/v1/practices/${run.practiceId}`, practiceSchema);
    output.line(`${colours.green('Succeeded')}${took}: practice ${practice.id} is ${practice.state}.`);
    if (practice.state === 'active') output.line(`Its app: ${practice.url ?? '-'}`);
    output.line(`The proof: npx lumenality practice evidence ${practice.id}`);
  } else if (run.state === 'failed') {
    output.line(`${colours.red('Failed')}${took}.`);
    output.line(explain(run));
  } else {
    output.line(`The run is ${run.state}${took}.`);
    for (const kept of run.kept) output.line(`  kept: ${clean(kept)}`);
  }
}

/** Why a run failed and what to do, root cause first. */
export function explain({ id, error }: Run): string {
  if (error === null) return 'The control plane gave no reason.';
  const { resource } = error;
  return [
    `  step      ${clean(error.step)}`,
    ...(resource === undefined
      ? []
      : [
          `  resource  ${clean(resource.logicalId)} (${clean(resource.type)}) in ${clean(resource.stackName)}`,
          `  reason    ${clean(resource.reason)}`,
        ]),
    `  error     ${clean(error.message)}`,
    `  next      ${clean(error.nextAction)}`,
    `Retry with:  npx lumenality run retry ${id} --wait`,
    `Or give up:  npx lumenality run cancel ${id} --reason "…"`,
  ].join('\n');
}
