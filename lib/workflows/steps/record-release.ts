import { z } from 'zod';
import type { Trx } from '../../db/database.ts';
import { setDeploymentState } from '../../db/deployment-store.ts';
import { activatePractice, recordUpdated } from '../../db/practice-lifecycle-store.ts';
import { lockPractice } from '../../db/practice-store.ts';
import type { Run } from '../../db/run-store.ts';
import type { Shapes } from '../../ports/shapes.ts';
import type { StepDefinition } from '../../runs/workflow.ts';
import { giveBackForRelease } from '../capacity-of-release.ts';
import { auditPractice, movedOn } from '../life-cycle-parts.ts';
import { subscriptionActivated } from '../subscription-life.ts';
import { prepared } from './prepare.ts';

const recordedSchema = z.object({ releaseId: z.string() });

/** A run that was brought to its end, and the release that its practice runs from then on. */
interface Recorded {
  readonly run: Run;
  readonly releaseId: string;
  readonly at: Date;
}

/** A last step: practice, deployment, audit row and run say what was verified in one transaction, and nothing before did. */
export function recordRelease(as: {
  readonly name: string;
  readonly record: typeof activatePractice;
  readonly action: string;
  /** What the practice is no longer, when it cannot be recorded. */
  readonly refusal: string;
  readonly also?: (trx: Trx, of: Recorded) => Promise<void>;
}): StepDefinition<z.infer<typeof recordedSchema>> {
  return {
    name: as.name,
    output: recordedSchema,
    run: async (context) => ({ releaseId: context.outputOf(prepared).releaseId }),
    commit: async (trx, { releaseId }, { run, now }) => {
      const at = now();
      if (!(await as.record(trx, { id: run.practiceId, releaseId, now: at }))) {
        throw movedOn(run.practiceId, as.refusal);
      }
      await setDeploymentState(trx, run.id, 'succeeded', at);
      await auditPractice(trx, run, as.action, { releaseId }, at);
      await as.also?.(trx, { run, releaseId, at });
    },
  };
}

/** The practice is active from here on, and so is its subscription. */
export const activate = recordRelease({
  name: 'activate',
  record: activatePractice,
  action: 'practice.activated',
  refusal: 'being provisioned',
  also: (trx, { run: { practiceId }, at }) => subscriptionActivated(trx, { practiceId, at }),
});

/** From here on the practice counts as running the release that it was updated to, and as using what that one uses. */
export const finish = (shapes: Shapes) =>
  recordRelease({
    name: 'finish',
    record: recordUpdated,
    action: 'practice.updated',
    refusal: 'active',
    also: usesNoMore(shapes),
  });

/** From here on the practice counts as running the release that its app went back to. */
export const rolledBack = recordRelease({
  name: 'finish',
  record: recordUpdated,
  action: 'practice.rolled_back',
  refusal: 'active',
});

/** What the practice uses less of with its release than it has reserved goes back to its cell. */
export function usesNoMore(shapes: Shapes): (trx: Trx, of: Recorded) => Promise<void> {
  return async (trx, { run, releaseId, at }) => {
    const practice = await lockPractice(trx, run.practiceId);
    if (practice === undefined) throw new Error(`no practice ${run.practiceId}`);
    await giveBackForRelease(trx, shapes, { practice, releaseId, runId: run.id, now: at });
  };
}
