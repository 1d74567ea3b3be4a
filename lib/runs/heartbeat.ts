import type { Job } from 'pg-boss';
import type { RunClaim } from '../db/run-store.ts';
import { Claim } from './claim.ts';

/** Keeps every job of this process alive, by one statement for all of them. */
export interface Heartbeat {
  /** A claim that lives as long as the queue knows the job as this worker's. */
  hold(job: Job, run: RunClaim): Claim;
  letGo(job: Job): void;
  held(): Claim[];
  stop(): void;
}

/** Of the time in which a silent worker keeps its job: after this part of it nothing is sent any more. The rest is for what is on its way. */
const leaseShare = 0.7;
/** And this part of it passes between two heartbeats. */
const beatShare = 0.25;
const beatsToLook = 5;

/** @param touch tells the queue that these jobs live; answers the ids of those that are still this worker's */
export function startHeartbeat(
  silenceMs: number,
  touch: (jobs: readonly Job[]) => Promise<ReadonlySet<string>>,
  failed: (error: unknown) => void,
): Heartbeat {
  const holds = new Map<string, { readonly job: Job; readonly claim: Claim }>();
  let beatenAt = Number.NEGATIVE_INFINITY;
  let beating: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const beat = async (): Promise<void> => {
    const sentAt = performance.now();
    beatenAt = sentAt;
    const asked = [...holds.values()];
    const alive = await touch(asked.map(({ job }) => job));
    for (const { job, claim } of asked) {
      if (alive.has(job.id)) claim.confirm(sentAt);
      else claim.lose(`another worker has taken over run ${claim.id}`);
    }
  };
  const begin = (): Promise<void> => {
    beating = beat().finally(() => {
      beating = undefined;
    });
    return beating;
  };
  /** Resolves after a statement that was sent after this call: one in flight may not know the newest job. */
  const confirmAll = (): Promise<void> => {
    if (beating === undefined) return begin();
    next ??= beating
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return begin();
      });
    return next;
  };
  const look = (): void => {
    for (const { claim } of holds.values()) claim.expireIfOld();
    if (holds.size === 0 || beating !== undefined || performance.now() - beatenAt < silenceMs * beatShare)
      return;
    confirmAll().catch(failed);
  };
  const timer = setInterval(look, (silenceMs * beatShare) / beatsToLook);

  return {
    hold: (job, run) => {
      const claim = new Claim(run, silenceMs * leaseShare, confirmAll);
      holds.set(job.id, { job, claim });
      job.signal.addEventListener('abort', () => claim.lose(`job ${job.id} was taken away`), { once: true });
      return claim;
    },
    letGo: (job) => void holds.delete(job.id),
    held: () => [...holds.values()].map(({ claim }) => claim),
    stop: () => clearInterval(timer),
  };
}
