import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { isDatabaseFault } from '../db/faults.ts';
import type { RunClaim } from '../db/run-store.ts';
import { guardCallsOf } from '../ports/may-send.ts';

/** Another worker has the run now, or this process ends: nothing of it may go on here. */
export class ClaimLost extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'ClaimLost';
  }
}

/** Nobody could confirm for too long that the run is still this worker's. It may be: ask, then begin the step anew. */
export class ClaimExpired extends Error {
  constructor() {
    super('the claim on the run was not confirmed in time');
    this.name = 'ClaimExpired';
  }
}

/** More calls than any step makes at the same time. */
const callsAtOnce = 100;

/** While the database is away: first wait and longest wait between two questions, in milliseconds. */
const firstPauseMs = 250;
const longestPauseMs = 5_000;

/**
 * This worker's hold on one run. Others take a run over only when its heartbeat was silent for a time, so a claim that was
 * confirmed a shorter time ago is certainly held: only then may a call leave for AWS. Time is measured on the monotonic clock, from
 * before the confirming statement was sent, so a pause of the process or a slow answer makes a claim older, never younger.
 */
export class Claim implements RunClaim {
  readonly id: string;
  readonly generation: number;
  readonly #leaseMs: number;
  readonly #ask: () => Promise<void>;
  /** Aborts waits of the engine when the run is to be handed over. */
  readonly #leaving = new AbortController();
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #lost: ClaimLost | undefined;
  #pass = new AbortController();

  /** @param ask asks the queue whether the claim still stands; calls `confirm` or `lose` before it resolves */
  constructor(run: RunClaim, leaseMs: number, ask: () => Promise<void>) {
    this.id = run.id;
    this.generation = run.generation;
    this.#leaseMs = leaseMs;
    this.#ask = ask;
  }

  /** The queue knew this claim in a statement that was sent at `sentAt` (`performance.now()`). */
  confirm(sentAt: number): void {
    this.#confirmedAt = Math.max(this.#confirmedAt, sentAt);
  }

  lose(reason: string): void {
    this.#lost ??= new ClaimLost(reason);
    this.#leaving.abort(this.#lost);
    this.#pass.abort(this.#lost);
  }

  /** The work stops at its next checkpoint, or with its step; what has begun until then may finish. */
  handOver(): void {
    this.#leaving.abort(new ClaimLost(`run ${this.id} is handed over`));
  }

  /**
   * Begins a pass of work as soon as the claim is confirmed, and waits for that as long as the database is away. The signal aborts when the
   * claim is lost or too old; a new pass may then begin.
   * @throws ClaimLost when the run is somebody else's or is handed over.
   */
  async begin(): Promise<AbortSignal> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      this.assertStays();
      try {
        await this.refresh();
        break;
      } catch (error) {
        if (!isDatabaseFault(error)) throw error;
        await this.pause(pauseMs);
      }
    }
    this.assertStays();
    this.#pass = new AbortController();
    // Each call in flight listens to the signal, and a verification reads some twenty things at once: no leak.
    setMaxListeners(callsAtOnce, this.#pass.signal);
    guardCallsOf(this.#pass.signal, () => this.assertFresh());
    return this.#pass.signal;
  }

  /** @throws ClaimLost when the run is lost or to be handed over. */
  assertStays(): void {
    if (this.#lost === undefined && this.#leaving.signal.aborted)
      this.#pass.abort(this.#leaving.signal.reason);
    this.#leaving.signal.throwIfAborted();
  }

  /** @throws ClaimLost, ClaimExpired when nothing may leave in this run's name. */
  assertFresh(): void {
    if (this.#lost !== undefined) throw this.#lost;
    if (performance.now() - this.#confirmedAt < this.#leaseMs) return;
    this.#pass.abort(new ClaimExpired());
    throw this.#pass.signal.reason;
  }

  /** Ends the pass of a claim that has grown too old, also where no call asks. */
  expireIfOld(): void {
    if (performance.now() - this.#confirmedAt >= this.#leaseMs) this.#pass.abort(new ClaimExpired());
  }

  /** Confirms a claim of which more than a third of its time is over. @throws ClaimLost when it is lost. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#confirmedAt > this.#leaseMs / 3) await this.#ask();
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Waits, and no longer than the run is this worker's to stay with. @throws ClaimLost */
  async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#leaving.signal }).catch(() => this.assertStays());
  }
}
