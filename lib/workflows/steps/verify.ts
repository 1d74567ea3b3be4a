import { z } from 'zod';
import { appendEvidence } from '../../db/evidence-store.ts';
import { appendRunEvents } from '../../db/run-event-store.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Evidence } from '../../domain/evidence.ts';
import { judgeSilo } from '../../domain/silo-checks.ts';
import { type SiloPromise, siloPromise } from '../../domain/silo-promise.ts';
import type { CloudPorts } from '../../ports/cloud.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import { passingFailure, readSilo } from '../read-silo.ts';
import { outputsBefore } from './deploy-component.ts';
import { prepared, releaseOf } from './prepare.ts';

export interface VerifyParts {
  readonly cloud: Pick<CloudPorts, 'silo' | 'stacks' | 'probe'>;
}

const verified = { name: 'verify', output: z.object({ checks: z.number().int().positive() }) };

/**
 * Reads the silo live, judges it, keeps every result as evidence, and fails when one check does: a practice whose
 * silo is not as promised never becomes active.
 */
export function verify({ cloud }: VerifyParts): StepDefinition<z.infer<typeof verified.output>> {
  return {
    ...verified,
    run: async (context) => {
      const { address, expectations } = await promised(context);
      await context.checkpoint();
      const { db, now, signal } = context;
      const facts = await readSilo({ cloud, db, now, signal }, address);
      const evidence = judgeSilo(facts, expectations);
      await keep(context, evidence);
      const failures = evidence.filter(({ passed }) => !passed);
      const mayPass = passingFailure(Object.values(facts)) !== undefined;
      if (failures.length > 0) throw notAsPromised(failures, evidence.length, mayPass);
      return { checks: evidence.length };
    },
  };
}

/** What the silo is held against, by what the steps before this one have found and made. */
async function promised(context: StepContext): Promise<SiloPromise> {
  const { releaseId, hostName, standing } = context.outputOf(prepared);
  const { practiceId } = context.run;
  const release = await releaseOf(context, releaseId);
  const outputs = outputsBefore(context, undefined);
  return siloPromise({ practiceId, hostName, release, standing, outputs });
}

/** Evidence is kept whatever it says, with an event for each check, before anything is concluded from it. */
function keep({ run, now, write }: StepContext, evidence: readonly Evidence[]): Promise<void> {
  return write(async (trx) => {
    await appendEvidence(trx, { practiceId: run.practiceId, runId: run.id }, evidence);
    const events = evidence.map(({ check, title, passed, expected, observed }) => ({
      kind: 'check' as const,
      check,
      title,
      passed,
      expected,
      observed,
    }));
    await appendRunEvents(trx, run.id, events, now());
  });
}

/** @param mayPass whether something could not be read that the next attempt may read */
function notAsPromised(failures: readonly Evidence[], all: number, mayPass: boolean): DomainError {
  const said = failures.map(
    ({ check, expected, observed }) => `${check}: expected ${expected}, observed ${observed}`,
  );
  return new DomainError(
    'verification_failed',
    `${failures.length} of ${all} checks failed. ${said.join('; ')}.`,
    {
      retryable: mayPass,
      context: {
        nextAction:
          'The practice does not count as running this release. Correct what the failed checks name, then retry the run: it verifies again. Or cancel it.',
      },
    },
  );
}
