import type { Log } from '../ports/log.ts';
import { type PlacementParts, placeWaiting } from '../workflows/place-waiting.ts';
import { periodically, type Repeating } from './periodically.ts';

/**
 * Places practices that wait as soon as there is room. Whoever adds a cell or raises a limit does so at once; this catches what
 * workflows give back, and what a process that died between the two has left.
 */
export function placePractices(parts: PlacementParts, log: Log, everyMs = 5_000): Repeating {
  return periodically('place-practices', everyMs, log, async () => {
    for (const placement of await placeWaiting(parts))
      log.info(placement, 'a practice that waited was placed');
  });
}
