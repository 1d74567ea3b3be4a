import { z } from 'zod';
import type { Trx } from '../../db/database.ts';
import { changeOffboarding, lockOffboarding } from '../../db/offboarding-store.ts';
import { reactivatePractice, recordClosed } from '../../db/practice-lifecycle-store.ts';
import type { Run } from '../../db/run-store.ts';
import { daysAfter, offboardableStates } from '../../domain/offboarding.ts';
import type { Shapes } from '../../ports/shapes.ts';
import type { StepDefinition } from '../../runs/workflow.ts';
import { auditPractice, movedOn } from '../life-cycle-parts.ts';
import { chargesPaused, chargesResumed } from '../subscription-life.ts';
import { recordRelease, usesNoMore } from './record-release.ts';

const nothing = z.object({});

/** A last step: what the steps before it have seen becomes what is on record, in one transaction with the run's end. */
function recording(
  name: string,
  commit: (trx: Trx, run: Run, now: Date) => Promise<void>,
): StepDefinition<z.infer<typeof nothing>> {
  return {
    name,
    output: nothing,
    run: async () => ({}),
    commit: (trx, _output, { run, now }) => commit(trx, run, now()),
  };
}

/** The practice is suspended from here on: its entrance was read as closed. */
export const suspend = recording('suspend', async (trx, run, now) => {
  const { practiceId: id } = run;
  if (!(await recordClosed(trx, { id, from: ['active'], to: 'suspended', now }))) throw movedOn(id, 'active');
  await auditPractice(trx, run, 'practice.suspended', {}, now);
});

/** The practice is active again from here on; an offboarding that this takes back is history. */
export const resume = (shapes: Shapes) =>
  recordRelease({
    name: 'resume',
    record: reactivatePractice,
    action: 'practice.resumed',
    refusal: 'suspended or in its grace period',
    also: async (trx, of) => {
      await usesNoMore(shapes)(trx, of);
      const { run, at } = of;
      const offboarding = await lockOffboarding(trx, run.practiceId);
      if (offboarding?.stage !== 'cancelling') return;
      await changeOffboarding(trx, run.practiceId, { stage: 'cancelled', runId: null, cancelledAt: at });
      await auditPractice(trx, run, 'practice.offboarding_cancelled', {}, at);
      await chargesResumed(trx, { practiceId: run.practiceId, at });
    },
  });

/** Access was seen to be closed: the clock of the grace period starts. */
export const beginGrace = recording('begin-grace', async (trx, run, now) => {
  const { practiceId: id } = run;
  const from = offboardableStates;
  if (!(await recordClosed(trx, { id, from, to: 'offboarding', now }))) throw movedOn(id, from.join(', '));
  const offboarding = await lockOffboarding(trx, id);
  if (offboarding?.stage !== 'closing') throw movedOn(id, 'about to be offboarded');
  const graceEndsAt = daysAfter(now, offboarding.graceDays);
  await changeOffboarding(trx, id, { stage: 'grace', runId: null, graceBeganAt: now, graceEndsAt });
  const details = { from: offboarding.cameFrom, graceEndsAt: graceEndsAt.toISOString() };
  await auditPractice(trx, run, 'practice.offboarding_began', details, now);
  await chargesPaused(trx, { practiceId: id, at: now });
});
