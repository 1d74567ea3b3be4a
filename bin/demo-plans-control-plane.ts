import type { Logger } from 'pino';
import type { Config } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';
import type { Mailer } from '../lib/ports/notice-ports.ts';
import { advanceDueSubscriptions } from '../lib/reconcilers/advance-subscriptions.ts';
import { deliverDue } from '../lib/reconcilers/deliver-notices.ts';
import { placePractices } from '../lib/reconcilers/place-practices.ts';
import { recoverRuns } from '../lib/reconcilers/recover-runs.ts';
import { recordConfiguredCell } from '../lib/use-cases/configured-cell.ts';
import { type AcceleratedControlPlane, startAccelerated } from './demo-rollout-control-plane.ts';
import type { Stops } from './lifecycle.ts';
import type { Parts } from './parts.ts';
import { standInApp } from './stand-in-app.ts';

/** A control plane whose days go by one after the other, as fast as their work is done. */
export interface DailyControlPlane extends AcceleratedControlPlane {
  /** Does what the reconcilers of subscriptions and notices do, until nothing is due. */
  settle(): Promise<void>;
  /** Mail to these addresses is not taken. */
  readonly deadMailboxes: Set<string>;
}

/**
 * Starts a control plane on a sandbox that records databases and apps, with stand-ins for the apps. Subscriptions and notices are looked
 * at when `settle` says so, and silos neither for drift nor for health: three years of that are not what is to be shown.
 */
export async function startDaily(
  config: Config,
  stops: Stops,
  interrupt: AbortSignal,
): Promise<DailyControlPlane> {
  const deadMailboxes = new Set<string>();
  const started: { settle?: () => Promise<void> } = {};
  const controlPlane = await startAccelerated(config, stops, interrupt, {
    recordOnly: true,
    standIns: (endpoint) => ({
      cloud: (ports) => ({ ...ports, probe: standInApp(endpoint, ports.probe) }),
    }),
    work: async (parts, log) => {
      started.settle = settling(parts, log, deadMailboxes);
      return startRuns(parts, log);
    },
  });
  const { settle } = started;
  if (settle === undefined) throw new Error('the control plane does not work');
  return { ...controlPlane, deadMailboxes, settle };
}

function settling({ core, notices }: Parts, log: Logger, dead: ReadonlySet<string>): () => Promise<void> {
  const parts = { db: core.db, clock: core.clock, log };
  const mailer: Mailer = {
    from: notices.mailer.from,
    send: async (mail) => {
      if (!dead.has(mail.to)) return notices.mailer.send(mail);
      throw new DomainError('unavailable', `${mail.to} does not take mail.`, { retryable: true });
    },
  };
  return async () => {
    while ((await advanceDueSubscriptions(parts)) > 0);
    await deliverDue({ ...parts, notices: { ...notices, mailer } });
  };
}

/** Runs, and what places a practice and takes up again what was left. */
async function startRuns({ cell, core, engine, clouds }: Parts, log: Logger): Promise<() => Promise<void>> {
  await recordConfiguredCell(core, cell);
  await engine.start();
  const reconcilers = [recoverRuns(engine, log), placePractices(core, log)];
  return async () => {
    await Promise.all([engine.handOver(), ...reconcilers.map((reconciler) => reconciler.stop())]);
    await engine.stop();
    clouds.close();
  };
}
