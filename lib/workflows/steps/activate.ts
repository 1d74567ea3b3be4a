import { z } from 'zod';
import { appendAudit } from '../../db/audit-store.ts';
import { setDeploymentState } from '../../db/deployment-store.ts';
import { activatePractice } from '../../db/practice-lifecycle-store.ts';
import { systemActor } from '../../domain/access.ts';
import { DomainError } from '../../domain/errors.ts';
import type { StepDefinition } from '../../runs/workflow.ts';
import { prepared } from './prepare.ts';

const activated = { name: 'activate', output: z.object({ releaseId: z.string() }) };

/** The practice is active from the moment in which practice, deployment, audit row and run say so: one transaction. */
export const activate: StepDefinition<z.infer<typeof activated.output>> = {
  ...activated,
  run: async (context) => ({ releaseId: context.outputOf(prepared).releaseId }),
  commit: async (trx, { releaseId }, { run, now }) => {
    const at = now();
    const done = await activatePractice(trx, { id: run.practiceId, releaseId, now: at });
    if (!done) {
      throw new DomainError('wrong_state', `Practice ${run.practiceId} is not being provisioned any more.`);
    }
    await setDeploymentState(trx, run.id, 'succeeded', at);
    await appendAudit(trx, {
      actor: systemActor,
      action: 'practice.activated',
      subject: { type: 'practice', id: run.practiceId },
      details: { releaseId, runId: run.id },
      at,
    });
  },
};
