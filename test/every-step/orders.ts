import { actsOnResources } from './fail-resource.ts';
import { callsToInterrupt } from './interrupter.ts';
import {
  type FaultKind,
  faultKinds,
  type Interruption,
  type Orders,
  type Place,
  type StepAddress,
} from './interruption.ts';

/** A step with the calls that it makes when nothing disturbs it, in order. */
export interface SeenStep extends StepAddress {
  readonly calls: readonly string[];
}

/** How much of the product of steps, places and kinds: a sample that has every step and every kind, or all of it. */
export type Extent = 'sample' | 'all';

const everyPlace = ({ calls }: SeenStep): readonly Place[] => [
  'before',
  ...callsToInterrupt(calls).map((call) => ({ call })),
  'after',
];

/**
 * Deaths spread over practices, so that one death of the process is one of each of them, and none waits twice in one step. The sample
 * has every other step: each of them meets a fault and is done twice as well.
 */
export function deaths(steps: readonly SeenStep[], extent: Extent): Orders {
  const practices = extent === 'all' ? 12 : 3;
  const kills = steps.flatMap((step, ordinal) => {
    const places = everyPlace(step);
    if (extent === 'all') return places.map((place) => order(step, 'kill', place));
    const place = ordinal % 2 === 0 ? places[(ordinal / 2) % places.length] : undefined;
    return place === undefined ? [] : [order(step, 'kill', place)];
  });
  return Object.fromEntries(
    Array.from({ length: practices }, (_, practice) => [
      `mortal-${practice + 1}`,
      kills.filter((_, position) => position % practices === practice),
    ]),
  );
}

/** One practice that does everything twice. */
export function replays(steps: readonly SeenStep[]): Orders {
  return { 'forgetful-1': steps.map((step) => order(step, 'replay', 'after')) };
}

/** Faults of every kind: each practice meets one at each step that calls anything, another one at the next step. */
export function faults(steps: readonly SeenStep[], extent: Extent): Orders {
  const layers = extent === 'all' ? Math.max(...steps.map((step) => callsToInterrupt(step.calls).length)) : 1;
  const practices = extent === 'all' ? faultKinds.length : 1;
  const orders: Record<string, Interruption[]> = {};
  for (let layer = 0; layer < layers; layer += 1) {
    for (let practice = 0; practice < practices; practice += 1) {
      orders[`unlucky-${layer + 1}-${practice + 1}`] = steps.flatMap((step, ordinal) => {
        const calls = callsToInterrupt(step.calls);
        const call = extent === 'all' ? calls[layer] : calls[(ordinal + practice) % calls.length];
        if (call === undefined) return [];
        const turn = ordinal + practice;
        const kind = kindAt(turn, call);
        // Who loses the database waits for some seconds, and everybody in the process with him: a few are enough for a sample.
        const isRare = extent === 'sample' && kind === 'database-gone' && ordinal % 3 !== 0;
        return [order(step, isRare ? 'cut-before' : kind, { call })];
      });
    }
  }
  return orders;
}

function kindAt(turn: number, call: string): FaultKind {
  const kind = faultKinds[turn % faultKinds.length] ?? 'throttle';
  return kind === 'failed-resource' && !actsOnResources(call) ? 'cut-after' : kind;
}

function order({ workflow, step }: StepAddress, kind: Interruption['kind'], place: Place): Interruption {
  return { workflow, step, kind, place };
}
