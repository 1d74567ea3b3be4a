import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { Evidence } from '../../domain/evidence.ts';
import { judgeSilo } from '../../domain/silo-checks.ts';
import { type SiloPromise, siloPromise } from '../../domain/silo-promise.ts';
import type { Parameters } from '../../domain/stack-plan.ts';
import type { CloudPorts } from '../../ports/cloud.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import { failureWords, keepEvidence } from '../keep-evidence.ts';
import { passingFailure, readSilo } from '../read-silo.ts';
import { visibleWithinMs } from '../visibility.ts';
import { outputsBefore, outputsOf } from './deploy-component.ts';
import { prepared, releaseOf, wantedOf } from './prepare.ts';

export interface VerifyParts {
  readonly cloud: Pick<CloudPorts, 'silo' | 'stacks' | 'probe'>;
  /** What this run has left in place of foundation and data; absent: it has deployed all three stacks. */
  readonly kept?: (context: StepContext) => {
    readonly outputs: Parameters;
    readonly releases: { readonly data: string };
  };
}

const verified = { name: 'verify', output: z.object({ checks: z.number().int().positive() }) };

/**
 * Reads the silo live, judges it, keeps every result as evidence, and fails when one check does: a practice whose
 * silo is not as promised never becomes active.
 */
export function verify({ cloud, kept }: VerifyParts): StepDefinition<z.infer<typeof verified.output>> {
  return {
    ...verified,
    run: async (context) => {
      const { address, expectations } = await promised(context, kept?.(context));
      await context.checkpoint();
      const { db, now, signal } = context;
      const facts = await readSilo({ cloud, db, now, signal, newWithinMs: visibleWithinMs }, address);
      const evidence = judgeSilo(facts, expectations);
      await keepEvidence(context, evidence);
      const failures = evidence.filter(({ passed }) => !passed);
      const mayPass = passingFailure(Object.values(facts)) !== undefined;
      if (failures.length > 0) throw notAsPromised(failures, evidence.length, mayPass);
      return { checks: evidence.length };
    },
  };
}

/** What the silo is held against, by what the steps before this one have found and made. */
async function promised(
  context: StepContext,
  kept: ReturnType<NonNullable<VerifyParts['kept']>> | undefined,
): Promise<SiloPromise> {
  const { releaseId, hostName, standing } = context.outputOf(prepared);
  const { practiceId } = context.run;
  const release = await releaseOf(context, releaseId);
  // The database is as the release wants it that it was deployed from.
  const dataReleaseId = kept?.releases.data ?? wantedOf(context, 'data').releaseId;
  const { data } = (await releaseOf(context, dataReleaseId)).templates;
  const outputs =
    kept === undefined
      ? outputsBefore(context, undefined)
      : { ...kept.outputs, ...outputsOf(context, 'service') };
  const templates = { ...release.templates, data };
  return siloPromise({ practiceId, hostName, standing, release: { ...release, templates }, outputs });
}

/** @param mayPass whether something could not be read that the next attempt may read */
function notAsPromised(failures: readonly Evidence[], all: number, mayPass: boolean): DomainError {
  return new DomainError(
    'verification_failed',
    `${failures.length} of ${all} checks failed. ${failureWords(failures)}.`,
    {
      retryable: mayPass,
      context: {
        nextAction:
          'The practice does not count as running this release. Correct what the failed checks name, then retry the run: it verifies again. Or cancel it.',
      },
    },
  );
}
