/**
 * `npm run chaos -- --minutes 5 --seed 1`: breaks what can break under a fleet of three control planes while practices are signed up,
 * provisioned, updated, suspended, resumed and called off, and a release is rolled out over them; then looks, past the product, at what came of it.
 * Exit status: 0 nothing was lost or doubled; 1 something was (the directory with all that tells why is named); 2 wrong usage.
 */
import '../../bin/quiet-sdk.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { buildRelease } from '../bench/release.ts';
import { Workspace } from '../bench/workspace.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { keep } from './keep.ts';
import { type Acknowledged, lead } from './operators.ts';
import { type Findings, readEndState } from './reader.ts';
import { leadRollout } from './rollout.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly practices: number;
  readonly replicas: number;
  readonly release?: string;
  readonly json?: boolean;
}

interface Verdict {
  readonly seed: number;
  readonly passed: boolean;
  readonly line: string;
  readonly problems: readonly string[];
  readonly seconds: number;
}

const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new CommanderError(2, 'chaos', `${text} is not a number above 0.`);
  return value;
};

const workspace = new Workspace(fileURLToPath(new URL('../..', import.meta.url)));
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    workspace.destroy();
    process.exit(status);
  });
}

try {
  await new Command('chaos')
    .description('Break everything that can break, and see that nothing is lost and nothing doubled.')
    .option('--minutes <number>', 'how long disturbances go on', number, 5)
    .option('--seed <number>', 'decides everything that is disturbed and asked for', number, 1)
    .option('--practices <number>', 'how many are signed up', number, 50)
    .option('--replicas <number>', 'control planes', number, 3)
    .option('--release <directory>', 'what release:build wrote, with its cell beside it; built unless told')
    .option('--json', 'print the verdict as one JSON object')
    .exitOverride()
    .action(async (options: Options) => {
      const verdict = await run(options);
      console.log(options.json === true ? JSON.stringify(verdict) : verdict.line);
      process.exitCode = verdict.passed ? 0 : 1;
    })
    .parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
} finally {
  await workspace.close();
}

async function run(options: Options): Promise<Verdict> {
  const begun = performance.now();
  const schedule = scheduleOf({ ...options, forMs: options.minutes * 60_000 });
  const say = (line: string): void =>
    console.error(`chaos: ${((performance.now() - begun) / 1000).toFixed(0).padStart(4)} s  ${line}`);
  const release = options.release ?? (await buildRelease(workspace));
  say(`starting PostgreSQL, a sandbox and ${options.replicas} control planes`);
  const fleet = await startFleet(workspace, release, options.replicas);
  const { acknowledged, problems, rollout } = await unleash(fleet, schedule, say);
  say('everything has ended; looking at what came of it');
  const findings = await readEndState({
    ...fleet,
    acknowledged,
    expected: schedule.lives.length,
  }).catch((error: Error): Findings => {
    return { states: new Map(), problems: [`the end could not be looked at: ${error.message}`] };
  });
  problems.push(...fleet.tally.surprises, ...findings.problems);
  const passed = problems.length === 0;
  if (!passed) {
    for (const problem of problems.slice(0, 20)) say(`problem: ${problem.slice(0, 600)}`);
    const { directory, missing } = await keep({ workspace, fleet, schedule, problems });
    for (const what of missing) say(`not kept: ${what.slice(0, 2_000)}`);
    say(`what is needed to find out why is in ${directory}`);
  }
  const line = verdictLine(options, fleet, { ...findings, rollout }, problems.length);
  return { seed: options.seed, passed, line, problems, seconds: (performance.now() - begun) / 1000 };
}

/** Disturbances and lives go on side by side; then the fleet is calm, and the lives come to their ends. */
async function unleash(
  fleet: Fleet,
  { lives, disturbances, rollout: wish }: Schedule,
  say: (line: string) => void,
): Promise<{
  readonly acknowledged: readonly Acknowledged[];
  readonly problems: string[];
  readonly rollout: string;
}> {
  const calm = new AbortController();
  const problems: string[] = [];
  let over = 0;
  const led = lives.map(async (life) => {
    try {
      return [await lead(fleet, life, () => calm.signal.aborted)];
    } catch (error) {
      problems.push(`${life.name} did not come to an end: ${(error as Error).message}`);
      return [];
    } finally {
      over += 1;
      if (over % 10 === 0 || calm.signal.aborted)
        say(`${over} of ${lives.length} practices have come to an end`);
    }
  });
  const rollout = leadRollout(fleet, wish, {
    isCalm: () => calm.signal.aborted,
    areLivesOver: () => over === lives.length,
  }).catch((error: Error) => {
    problems.push(`the rollout did not come to an end: ${error.message}`);
    return 'did not end';
  });
  const begun = Date.now();
  const disturbed: Promise<void>[] = [];
  for (const { atMs, ...disturbance } of disturbances) {
    await delay(Math.max(0, begun + atMs - Date.now()));
    say(JSON.stringify(disturbance));
    disturbed.push(
      fleet.disturb(disturbance).catch((error: Error) => {
        problems.push(`${disturbance.kind} could not be done: ${error.message}`);
      }),
    );
  }
  await Promise.all(disturbed);
  await fleet
    .calm()
    .catch((error: Error) => problems.push(`the fleet did not come back: ${error.message.slice(0, 2_000)}`));
  calm.abort();
  say('calm: no disturbance any more');
  const acknowledged = (await Promise.all(led)).flat();
  const end = await rollout;
  say(`rollout: ${end}`);
  return { acknowledged, problems, rollout: end };
}

function verdictLine(
  { seed, practices }: Options,
  { tally }: Fleet,
  findings: Findings & { readonly rollout: string },
  problems: number,
): string {
  const states = [...findings.states].map(([state, count]) => `${count} ${state}`).join(', ');
  const { kills, pauses, restarts, faults } = tally;
  const result = problems === 0 ? 'nothing lost, nothing doubled: PASS' : `${problems} problems: FAIL`;
  return `chaos seed ${seed}: ${practices} practices, ${states}; rollout ${findings.rollout}; ${kills} kills, ${restarts} restarts, ${pauses} pauses, ${faults} faults; ${result}`;
}
