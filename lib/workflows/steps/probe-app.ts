import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { HealthProbe } from '../../ports/health-probe.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import { prepared } from './prepare.ts';

export interface ProbeParts {
  readonly probe: HealthProbe;
  readonly pollIntervalMs: number;
}

/** How long the app may take from its tasks running to its first `ready`: DNS and target health need their time. */
const readyWithinMs = 300_000;

const probed = { name: 'probe-app', output: z.object({ attempts: z.number() }) };

/** Waits until the app says `ready` at the practice's own address. What it says of itself is judged by `verify`. */
export function probeApp(parts: ProbeParts): StepDefinition<z.infer<typeof probed.output>> {
  return {
    ...probed,
    run: async (context) => {
      const { hostName } = context.outputOf(prepared);
      const deadline = performance.now() + readyWithinMs;
      for (let attempts = 1; ; attempts += 1) {
        await context.checkpoint();
        const answer = await readiness(parts.probe, hostName, context);
        if (answer === 'ready') return { attempts };
        if (performance.now() > deadline) throw notReady(hostName, answer);
        await delay(parts.pollIntervalMs, undefined, { signal: context.signal });
      }
    },
  };
}

/** `ready`, or what stood in the way this time. */
async function readiness(probe: HealthProbe, hostName: string, { signal }: StepContext): Promise<string> {
  try {
    const { status, body } = await probe.get(hostName, '/readyz', signal);
    return status === 200 ? 'ready' : `status ${status}: ${body.slice(0, 300)}`;
  } catch (error) {
    // The app is not there yet; whatever else goes wrong ends the step.
    if (error instanceof DomainError && error.retryable) return error.publicMessage;
    throw error;
  }
}

function notReady(hostName: string, last: string): DomainError {
  return new DomainError(
    'verification_failed',
    `The app at ${hostName} was not ready within ${readyWithinMs / 1_000} seconds. Its last answer: ${last}`,
    {
      context: {
        nextAction: 'Read the log group of the app and correct the cause, then retry the run; or cancel it.',
      },
    },
  );
}
