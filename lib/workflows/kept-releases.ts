import { z } from 'zod';
import type { Db } from '../db/database.ts';
import { lastDeployingRun } from '../db/run-history.ts';
import { readStep } from '../db/run-store.ts';

const releases = z.object({ foundation: z.string(), data: z.string() });
type KeptReleases = z.infer<typeof releases>;

/** What a roll-back left in place, and what an update to the release that the practice had gone back to did. */
const told = [
  { step: 'keep-stacks', output: z.object({ releases }).transform((kept) => kept.releases) },
  {
    step: 'prepare',
    output: z
      .object({
        kept: z.object({
          foundation: z.object({ releaseId: z.string() }),
          data: z.object({ releaseId: z.string() }),
        }),
      })
      .transform(({ kept: { foundation, data } }) => ({
        foundation: foundation.releaseId,
        data: data.releaseId,
      })),
  },
] as const;

/** The releases that foundation and data of a practice stay at since its app went back; undefined when it did not, or got another release since. */
export async function keptReleases(db: Db, practiceId: string): Promise<KeptReleases | undefined> {
  const runId = await lastDeployingRun(db, practiceId);
  if (runId === undefined) return undefined;
  for (const { step, output } of told) {
    const kept = output.safeParse((await readStep(db, runId, step))?.output);
    if (kept.success) return kept.data;
  }
  return undefined;
}
