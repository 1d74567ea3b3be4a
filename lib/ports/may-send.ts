/**
 * Holds a call back at the last moment: whoever hands a signal to a port may say, with it, when nothing may leave any more. A worker
 * that was paused comes back in the middle of its code, where its signal has not aborted yet; only a look at the clock, right before
 * the request leaves, tells that another worker may have taken over.
 */
const guards = new WeakMap<AbortSignal, () => void>();

/** From now on `assertMaySend(signal)` asks `guard`, which throws when nothing may leave any more. */
export function guardCallsOf(signal: AbortSignal, guard: () => void): void {
  guards.set(signal, guard);
}

/** For implementations of ports: call it synchronously right before a request leaves, at each attempt of it. */
export function assertMaySend(signal: AbortSignal | undefined): void {
  if (signal !== undefined) guards.get(signal)?.();
}
