import { AwsError, type State } from './model.ts';

/** The sandbox's own time, which goes as fast as the machine's and can be moved ahead of it. It never goes back. */
export interface Clock {
  now(): Date;
  /** How far it is ahead of the machine's. */
  aheadMs(): number;
  /**
   * Moves it forward: `{"advanceSeconds": n}`, `{"advanceDays": n}` or `{"to": "2027-01-01T00:00:00Z"}`. Kept in the
   * state, so that what was over stays over after a restart.
   *
   * @throws AwsError `ValidationError`.
   */
  advance(request: Record<string, unknown>): void;
}

const refuse = (message: string) => new AwsError('ValidationError', `Clock: ${message}`);

/** @param machine the time that it starts from. */
export function createClock(state: State, machine: () => Date): Clock {
  const table = state.table<number>('sandbox.clock');
  let aheadMs = table.get('aheadMs') ?? 0;
  const now = () => (aheadMs === 0 ? machine() : new Date(machine().getTime() + aheadMs));
  return {
    now,
    aheadMs: () => aheadMs,
    advance(request) {
      const by = millisecondsOf(request, now());
      if (!(by >= 0)) throw refuse('it only goes forward.');
      aheadMs += by;
      table.put('aheadMs', aheadMs);
    },
  };
}

function millisecondsOf(request: Record<string, unknown>, now: Date): number {
  const [[name, value] = [], ...more] = Object.entries(request);
  const form = 'give one of "advanceSeconds", "advanceDays" (numbers) or "to" (a time as in RFC 3339).';
  if (more.length > 0) throw refuse(form);
  if (name === 'advanceSeconds' && typeof value === 'number') return value * 1000;
  if (name === 'advanceDays' && typeof value === 'number') return value * 86_400_000;
  const to = name === 'to' && typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(to)) throw refuse(form);
  return to - now.getTime();
}
