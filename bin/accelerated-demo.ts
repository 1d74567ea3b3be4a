import { join } from 'node:path';
import { type Config, readConfig } from '../lib/config.ts';
import { type ExitCode, exitCodes } from './commands/exit-codes.ts';
import { openSession, type Session } from './commands/session.ts';
import { type DemoOptions, requireSandbox, world } from './demo-command.ts';
import { type AcceleratedControlPlane, configurationOf, makeAnew } from './demo-rollout-control-plane.ts';
import type { Stops } from './lifecycle.ts';

/** A demonstration on a control plane of its own whose time can be moved ahead. */
interface AcceleratedDemo<Plane extends AcceleratedControlPlane> {
  /** Of its data, below the data directory. */
  readonly folder: string;
  readonly start: (config: Config, stops: Stops, interrupt: AbortSignal) => Promise<Plane>;
  /** Answers whether everything that was to be shown was seen, and what to tell whoever wants to look further. */
  readonly show: (
    session: Session,
    controlPlane: Plane,
    interrupt: AbortSignal,
  ) => Promise<{ readonly ok: boolean; readonly reportNext: () => void }>;
}

/** Makes its data anew, starts it, shows it, stays up unless told otherwise, and stops what it started. */
export async function demonstrate<Plane extends AcceleratedControlPlane>(
  { folder, start, show }: AcceleratedDemo<Plane>,
  options: DemoOptions,
  interrupt: AbortSignal,
): Promise<ExitCode> {
  const config = readConfig();
  requireSandbox(config);
  const directory = join(config.dataDirectory, folder);
  const say = (text: string) => (options.json ? undefined : world.stdout.write(`${text}\n`));
  makeAnew(directory);
  const own = await configurationOf(config, directory);
  const stops: Stops = [];
  try {
    say(`Starting a control plane and a sandbox cloud (data in ${directory}), and building a release …`);
    const controlPlane = await start(own, stops, interrupt);
    const { url, tokenFile } = controlPlane;
    say(`Ready at ${url}.`);
    const session = openSession(world, { ...options, url, tokenFile });
    interrupt.throwIfAborted();
    const interrupted = new Promise<void>((resolve) => {
      interrupt.addEventListener('abort', () => resolve(), { once: true });
    });
    const { ok, reportNext } = await Promise.race([
      show(session, controlPlane, interrupt),
      interrupted.then((): never => {
        throw interrupt.reason;
      }),
    ]);
    if (!options.exit) {
      reportNext();
      await interrupted;
    }
    return ok ? exitCodes.done : exitCodes.failed;
  } catch (error) {
    // What Ctrl-C cuts off fails in ways of its own; there is only one reason to tell.
    interrupt.throwIfAborted();
    say(`What the control plane did is in ${join(directory, 'control-plane.log')}.`);
    throw error;
  } finally {
    say('Stopping …');
    await stopAll(stops);
  }
}

/** Each of them, also after one that fails: the sandbox is a process of its own, and would be in the way of the next start. */
async function stopAll(stops: Stops): Promise<void> {
  const faults: unknown[] = [];
  for (const stop of stops.reverse()) await stop().catch((fault: unknown) => faults.push(fault));
  if (faults.length > 0) throw faults[0];
}
