import { z } from 'zod';
import { appendAudit } from '../../db/audit-store.ts';
import { setDeploymentState } from '../../db/deployment-store.ts';
import { recordUpdated } from '../../db/practice-lifecycle-store.ts';
import { systemActor } from '../../domain/access.ts';
import { DomainError } from '../../domain/errors.ts';
import type { StepDefinition } from '../../runs/workflow.ts';
import { prepared } from './prepare.ts';

const finished = { name: 'finish', output: z.object({ releaseId: z.string() }) };

/** From here on the practice counts as running the release: what was verified, and nothing before it was. */
export const finish: StepDefinition<z.infer<typeof finished.output>> = {
  ...finished,
  run: async (context) => ({ releaseId: context.outputOf(prepared).releaseId }),
  commit: async (trx, { releaseId }, { run, now }) => {
    const at = now();
    const done = await recordUpdated(trx, { id: run.practiceId, releaseId, now: at });
    if (!done) throw new DomainError('wrong_state', `Practice ${run.practiceId} is not active any more.`);
    await setDeploymentState(trx, run.id, 'succeeded', at);
    await appendAudit(trx, {
      actor: systemActor,
      action: 'practice.updated',
      subject: { type: 'practice', id: run.practiceId },
      details: { releaseId, runId: run.id },
      at,
    });
  },
};
