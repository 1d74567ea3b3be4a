import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import {
  type Rollout,
  type RolloutTarget,
  rolloutProgressSchema,
  rolloutSchema,
  rolloutTargetPageSchema,
} from '../../control-api/contracts/rollouts.ts';
import { staySignedIn } from './ci-login.ts';
import { commandError } from './command-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { findRollout } from './find.ts';
import type { RolloutView } from './rollout-view.ts';
import { countWords, troubleWords, waveName } from './rollout-words.ts';
import { givingUpMs, reasonToTryAgain } from './run-events.ts';
import { act, type Invocation, type Session } from './session.ts';
import { clean, duration } from './text.ts';
import { milliseconds, untilLeft } from './watch.ts';

export interface RolloutWatchOptions {
  /** Milliseconds; undefined for as long as it takes. */
  readonly timeout?: number | undefined;
}

/** Between two looks: the longer, the longer nothing has happened. */
const pauseMs = { first: 500, longest: 5_000 };
const answerTimeoutMs = 30_000;
/** States of a practice that somebody should know about while the rollout goes on. */
const troubled = ['failed', 'rolled_back', 'missed'] as const;

export function rolloutWatchCommand(group: Command, invocation: Invocation): void {
  const watch = group
    .command('watch')
    .argument('<rollout>', 'id, or a unique start of it')
    .description('Follow a rollout until it has ended or pauses')
    .addHelpText('after', `\nExit codes: ${rolloutExitCodes}`);
  act<RolloutWatchOptions>(rolloutWatched(watch), invocation, async (session, options, [text = '']) =>
    watchRollout(session, await findRollout(session.api, text), options),
  );
}

/** For the help of commands that follow a rollout. */
export const rolloutExitCodes =
  '0 it succeeded, 7 --timeout passed, 8 it is paused, 9 it failed, was aborted or superseded';

/** Adds the options of a command that follows a rollout. */
export function rolloutWatched(command: Command): Command {
  return command.option('--timeout <duration>', 'stop following after, such as 90m or 6h', milliseconds);
}

/**
 * Follows a rollout until it has ended or is paused, and says what came of it; the exit code says so too. With --json a line for each
 * change, and at last one of kind `end`. Ctrl-C and --timeout end the watching, never the rollout.
 */
export async function watchRollout(
  session: Session,
  id: string,
  { timeout }: RolloutWatchOptions,
): Promise<ExitCode> {
  const hint = `The rollout goes on. Come back with:\n  npx lumenality rollout watch ${id}`;
  const rollout = await untilLeft({ timeout, hint }, (signal) => follow(session, id, signal));
  const exitCode = exitCodeOf(rollout);
  writeJson(session, { kind: 'end', exitCode, rollout });
  tellOutcome(session, rollout);
  return exitCode;
}

interface Look {
  readonly rollout: Rollout;
  /** Practices that somebody should know about, where their number has changed. */
  readonly trouble: readonly RolloutTarget[];
}

/** The rollout as it is once nothing goes on by itself. */
async function follow(session: Session, id: string, signal: AbortSignal): Promise<Rollout> {
  const { output } = session;
  let { rollout, trouble } = await look(session, id, undefined, signal);
  output.line(output.colours.dim(`Rollout ${id} of release ${rollout.releaseId}: ${rollout.state}`));
  const view = output.live ? await openView(rollout, session) : undefined;
  const teller = new Teller(session, view);
  let pause = pauseMs.first;
  try {
    for (;;) {
      teller.tell(rollout, trouble);
      if (!goesOn(rollout)) return rollout;
      await delay(pause, undefined, { signal });
      const before = rollout;
      ({ rollout, trouble } = await lookAgain(session, before, teller, signal));
      pause = isSame(before, rollout) ? Math.min(pause * 2, pauseMs.longest) : pauseMs.first;
    }
  } finally {
    await view?.close();
  }
}

const goesOn = ({ state }: Rollout) => state === 'planned' || state === 'running';

async function look(
  { api }: Session,
  id: string,
  before: Rollout | undefined,
  signal: AbortSignal,
): Promise<Look> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]);
  const rollout =
    before === undefined
      ? await api.get(`/v1/rollouts/${id}`, rolloutSchema, { signal: soon })
      : await lookOn(api, before, soon);
  const changed = troubled.filter((state) => before?.practices[state] !== rollout.practices[state]);
  const pages = await Promise.all(
    changed.map((state) =>
      api.get(`/v1/rollouts/${id}/targets`, rolloutTargetPageSchema, {
        query: { state, limit: 200 },
        signal: soon,
      }),
    ),
  );
  return { rollout, trouble: pages.flatMap(({ items }) => items) };
}

/** What has become of it since: the plan, which may name ten thousand practices, stays as it was. */
async function lookOn(api: Session['api'], before: Rollout, signal: AbortSignal): Promise<Rollout> {
  const path = `/v1/rollouts/${before.id}/progress`;
  const { waves, ...progress } = await api.get(path, rolloutProgressSchema, { signal });
  const practices = new Map(waves.map((wave) => [wave.wave, wave.practices]));
  return {
    ...before,
    ...progress,
    waves: before.waves.map((wave, place) => ({ ...wave, practices: practices.get(place + 1) ?? {} })),
  };
}

/** Looks again, also over a restart of the control plane. @throws CommandError when it stays away for 5 minutes */
async function lookAgain(
  session: Session,
  before: Rollout,
  teller: Teller,
  signal: AbortSignal,
): Promise<Look> {
  let lostAt: number | undefined;
  for (;;) {
    try {
      await staySignedIn(session);
      const found = await look(session, before.id, before, signal);
      if (lostAt !== undefined) teller.found();
      return found;
    } catch (error) {
      const reason = reasonToTryAgain(error, signal);
      if (lostAt === undefined) teller.lost(reason);
      lostAt ??= Date.now();
      if (Date.now() - lostAt > givingUpMs) throw stayedAway(session, before.id, reason, error);
    }
    await delay(pauseMs.first, undefined, { signal });
  }
}

function stayedAway({ url }: Session, id: string, reason: string, cause: unknown) {
  return commandError(
    'unreachable',
    `${url} has not answered for 5 minutes (${reason}). The rollout may go on.`,
    { hint: `Come back with: npx lumenality rollout watch ${id}`, cause },
  );
}

/** Loaded only for a terminal: it is the largest part of the command line. */
async function openView(rollout: Rollout, { output }: Session): Promise<RolloutView> {
  const { drawRollout } = await import('./rollout-view.ts');
  return drawRollout(rollout, output);
}

/** Tells what has changed since it last told something: as bars, as lines or as JSON. */
class Teller {
  readonly #session: Session;
  readonly #view: RolloutView | undefined;
  #last: Rollout | undefined;
  /** Practices in trouble that were told: id and state. */
  readonly #told = new Set<string>();

  constructor(session: Session, view: RolloutView | undefined) {
    this.#session = session;
    this.#view = view;
  }

  tell(rollout: Rollout, trouble: readonly RolloutTarget[]): void {
    const before = this.#last;
    this.#last = rollout;
    this.#view?.show(rollout);
    const { state, practices } = rollout;
    if (before?.state !== state || !isSame(before.practices, practices)) {
      const waves = rollout.waves.map((wave) => ({ ring: wave.ring, practices: wave.practices }));
      writeJson(this.#session, { kind: 'progress', state, practices, waves });
    }
    if (before !== undefined && before.state !== rollout.state) this.#say(`rollout ${rollout.state}`);
    for (const [index, wave] of rollout.waves.entries()) {
      if (isSame(before?.waves[index]?.practices, wave.practices)) continue;
      this.#say(`${waveName(rollout, index)}: ${countWords(wave.practices)}`);
    }
    for (const target of trouble) this.#tellTrouble(target);
  }

  lost(reason: string): void {
    this.#view?.lost(reason);
    this.#say(
      `Lost the control plane (${clean(reason)}); trying again. The rollout does not depend on this connection.`,
    );
  }

  found(): void {
    this.#view?.lost(undefined);
    this.#say('The control plane is back.');
  }

  #tellTrouble(target: RolloutTarget): void {
    const known = `${target.practiceId} ${target.state} ${target.startsAt}`;
    if (this.#told.has(known)) return;
    this.#told.add(known);
    writeJson(this.#session, { kind: 'practice', ...target });
    this.#say(this.#session.output.colours.red(troubleWords(target)));
  }

  /** A line for a log; on a terminal the bars tell. */
  #say(words: string): void {
    const { output } = this.#session;
    if (this.#view !== undefined) return;
    output.line(`${output.colours.dim(`${new Date().toISOString().slice(11, 19)}Z`)} ${words}`);
  }
}

const isSame = (one: object | undefined, other: object) => JSON.stringify(one) === JSON.stringify(other);

/** A line of JSON: a script reads a rollout as it goes, which may take hours. */
function writeJson({ output, world }: Session, line: object): void {
  if (output.json) world.stdout.write(`${JSON.stringify(line)}\n`);
}

function exitCodeOf({ state }: Rollout): ExitCode {
  if (state === 'succeeded') return exitCodes.done;
  return state === 'paused' ? exitCodes.paused : exitCodes.rolloutFailed;
}

function tellOutcome({ output }: Session, rollout: Rollout): void {
  const { id, state, practices, releaseId, left, startedAt, finishedAt, childId } = rollout;
  const { green, red, yellow } = output.colours;
  const took =
    startedAt === null || finishedAt === null
      ? ''
      : ` after ${duration(Date.parse(finishedAt) - Date.parse(startedAt))}`;
  if (state === 'succeeded') {
    output.line(`${green('Succeeded')}${took}: ${practices.succeeded ?? 0} practices run ${releaseId}.`);
    if (left.length > 0) output.line(`${left.length} were left out: npx lumenality rollout show ${id}`);
    return;
  }
  if (state === 'paused') {
    output.line(`${yellow('Paused')}: ${clean(rollout.pausedBecause ?? 'without a reason')}`);
    output.line('Nobody else is started; what has begun goes on. When the cause is gone, or to end it:');
    output.line(`  npx lumenality rollout resume ${id} --reason "…"`);
    output.line(`  npx lumenality rollout abort ${id} --reason "…"`);
    return;
  }
  output.line(`${red(state === 'failed' ? 'Failed' : `It was ${state}`)}${took}: ${countWords(practices)}.`);
  output.line(
    childId === null
      ? `What became of each practice: npx lumenality rollout show ${id}`
      : `A newer release took over: npx lumenality rollout watch ${childId}`,
  );
}
