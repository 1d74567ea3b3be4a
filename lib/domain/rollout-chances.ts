import { type MaintenanceWindow, occurrencesOf } from './maintenance-window.ts';
import { pinAgainst } from './rollout-holds.ts';
import type { Deferral, Freeze, Pin } from './schedule.ts';

/** An interval in which a deployment may start: `from <= t <= last`, in milliseconds since 1970. */
export interface Chance {
  readonly from: number;
  readonly last: number;
}

/** When a practice's deployment may start, in order and apart from each other. */
export interface Chances {
  /** As the windows have it. */
  readonly windows: readonly Chance[];
  /** Without what nothing overrides: freezes that a security administrator has renewed. */
  readonly open: readonly Chance[];
  /** Without anything that holds the practice. */
  readonly free: readonly Chance[];
}

interface Scheduled {
  readonly id: string;
  readonly window: MaintenanceWindow;
  readonly pin: Pin | null;
  readonly deferral: Deferral | null;
}

/** `from <= t < until`. */
interface Blocked {
  readonly from: number;
  readonly until: number;
}

const minute = 60_000;

/**
 * Finds the chances of a fleet's practices to get a release within a span. Windows are few and practices many: what was worked out for
 * one window is shared.
 */
export function chanceFinder(span: {
  readonly releaseId: string;
  readonly now: Date;
  readonly until: Date;
  readonly expectedMinutes: number;
  readonly freezes: readonly Freeze[];
}): (practice: Scheduled) => Chances {
  const first = Math.ceil(span.now.getTime() / minute) * minute;
  const renewed = freezeFinder(span.freezes.filter(({ renewedBySecurity }) => renewedBySecurity));
  const all = freezeFinder(span.freezes);
  const found = new Map<string, Chances>();
  /** What all practices with a window share. */
  const sharedOf = (window: MaintenanceWindow): Chances => {
    const key = `${window.rule} ${window.durationMinutes} ${window.timeZone}`;
    const known = found.get(key);
    if (known !== undefined) return known;
    const windows = startsIn(window, { ...span, first });
    const made = { windows, open: without(windows, renewed.fleet), free: without(windows, all.fleet) };
    found.set(key, made);
    return made;
  };
  return ({ id, window, pin, deferral }) => {
    const { windows, open, free } = sharedOf(window);
    const ends = [pinAgainst(span.releaseId, pin), deferral].map((held) => held?.until.getTime() ?? 0);
    const held = [{ from: 0, until: Math.max(...ends) }, ...all.of(id)];
    return { windows, open: without(open, renewed.of(id)), free: without(free, held) };
  };
}

/** When a deployment may start that has to fit into the window. */
function startsIn(
  window: MaintenanceWindow,
  { first, now, until, expectedMinutes }: { first: number; now: Date; until: Date; expectedMinutes: number },
): Chance[] {
  return occurrencesOf(window, { from: now, until }).flatMap(({ startsAt, endsAt }) => {
    const from = Math.max(startsAt.getTime(), first);
    const last = Math.min(endsAt.getTime() - expectedMinutes * minute, until.getTime());
    return from <= last ? [{ from, last }] : [];
  });
}

/** Freezes of the fleet and of a practice. */
function freezeFinder(freezes: readonly Freeze[]) {
  const fleet: Blocked[] = [];
  const own = new Map<string, Blocked[]>();
  for (const { practiceId, from, until } of freezes) {
    const blocked = { from: from.getTime(), until: until.getTime() };
    if (practiceId === null) fleet.push(blocked);
    else own.set(practiceId, [...(own.get(practiceId) ?? []), blocked]);
  }
  return { fleet, of: (practiceId: string): readonly Blocked[] => own.get(practiceId) ?? [] };
}

/** The parts of chances that nothing blocks, to the minute. */
function without(chances: readonly Chance[], blocked: readonly Blocked[]): readonly Chance[] {
  return blocked.reduce<readonly Chance[]>((rest, { from, until }) => {
    const isTouched = rest.some((chance) => chance.last >= from && chance.from < until);
    if (!isTouched) return rest;
    return rest.flatMap((chance) => {
      if (chance.last < from || chance.from >= until) return [chance];
      const before = { from: chance.from, last: Math.ceil(from / minute - 1) * minute };
      const after = { from: Math.ceil(until / minute) * minute, last: chance.last };
      return [before, after].filter((part) => part.from <= part.last);
    });
  }, chances);
}

/** The parts of chances between two times, both included. */
export function within(chances: readonly Chance[], from: number, last: number): readonly Chance[] {
  const [first] = chances;
  if (first === undefined || (first.from >= from && (chances.at(-1)?.last ?? 0) <= last)) return chances;
  return chances.flatMap((chance) => {
    const part = { from: Math.max(chance.from, from), last: Math.min(chance.last, last) };
    return part.from <= part.last ? [part] : [];
  });
}
