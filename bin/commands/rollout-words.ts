import type { Rollout, RolloutTarget } from '../../control-api/contracts/rollouts.ts';
import { clean } from './text.ts';

type Wave = Rollout['waves'][number];
type Counts = Wave['practices'];

/** What a practice of a rollout may come to, for people. */
const ends = {
  succeeded: 'updated',
  failed: 'failed',
  rolled_back: 'rolled back',
  skipped: 'skipped',
} as const satisfies Partial<Record<RolloutTarget['state'], string>>;
const underWay = { updating: 'updating', baking: 'baking', missed: 'missed its window' } as const;

/** How many practices of a wave are at an end, and how many there are. */
export function sizeOf(counts: Counts): { readonly done: number; readonly total: number } {
  const sum = (states: readonly string[]) =>
    Object.entries(counts).reduce((total, [state, count]) => total + (states.includes(state) ? count : 0), 0);
  return { done: sum(Object.keys(ends)), total: sum(Object.keys(counts)) };
}

/** `3 of 10 done, 2 baking, 1 rolled back` */
export function countWords(counts: Counts): string {
  const { done, total } = sizeOf(counts);
  const { succeeded: _told, ...otherEnds } = ends;
  const rest = Object.entries({ ...underWay, ...otherEnds }).flatMap(([state, words]) => {
    const count = counts[state as keyof Counts] ?? 0;
    return count === 0 ? [] : [`${count} ${words}`];
  });
  return [`${done} of ${total} done`, ...rest].join(', ');
}

/** `canary`, and where a ring is several waves `general, part 2 of 3`. */
export function waveName(
  { waves }: { readonly waves: readonly Pick<Wave, 'ring'>[] },
  index: number,
): string {
  const ring = waves[index]?.ring ?? '';
  const parts = waves.flatMap((wave, place) => (wave.ring === ring ? [place] : []));
  return parts.length < 2 ? ring : `${ring}, part ${parts.indexOf(index) + 1} of ${parts.length}`;
}

export const hasTrouble = (counts: Counts): boolean => (counts.failed ?? 0) + (counts.rolled_back ?? 0) > 0;

/** Why a practice is not where the rollout wants it. */
export function troubleWords({ practiceId, state, note, startsAt }: RolloutTarget): string {
  const why = note === null ? '' : `: ${clean(note)}`;
  if (state === 'missed') return `${clean(practiceId)} missed its last window, of ${startsAt}${why}`;
  return `${clean(practiceId)} ${state === 'rolled_back' ? 'was rolled back' : state}${why}`;
}
