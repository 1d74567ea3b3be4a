import { z } from 'zod';
import type { Run } from '../../db/run-store.ts';
import { type CameFrom, offboardableStates } from '../../domain/offboarding.ts';

const inputSchema = z.object({ cameFrom: z.enum(offboardableStates).default('active') });

/** The state in which a run found its practice; a run that was not told of any found it active. */
export function cameFrom({ input }: Pick<Run, 'input'>): CameFrom {
  return inputSchema.parse(input).cameFrom;
}
