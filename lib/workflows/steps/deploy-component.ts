import { z } from 'zod';
import { recordSiloStack } from '../../db/silo-stack-store.ts';
import { type Component, components } from '../../domain/release.ts';
import { parametersFor, stackNameFor, stackTagsFor } from '../../domain/stack-plan.ts';
import type { CloudPorts } from '../../ports/cloud.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import { deployStack } from '../deploy-stack.ts';
import { prepared, releaseOf } from './prepare.ts';

const deployedSchema = z.object({
  stackId: z.string(),
  status: z.string(),
  templateSha256: z.string(),
  outputs: z.record(z.string(), z.string()),
  /** False when the stack was already as wanted. */
  changed: z.boolean(),
});

/** What the deployment of a component leaves behind in the journal. */
const deployed = (component: Component) => ({
  name: `deploy-${component}`,
  output: deployedSchema,
});

export interface DeployParts {
  readonly cloud: Pick<CloudPorts, 'stacks' | 'actions'>;
  readonly pollIntervalMs: number;
}

/** Brings one of the silo's stacks to what the release says, and records it as it was seen afterwards. */
export function deployComponent(
  parts: DeployParts,
  component: Component,
): StepDefinition<z.infer<typeof deployedSchema>> {
  return {
    ...deployed(component),
    run: async (context) => {
      const { releaseId, standing } = context.outputOf(prepared);
      const { practiceId } = context.run;
      const { manifest, templates } = await releaseOf(context, releaseId);
      const { sha256 } = manifest.templates[component];
      const { stack, changed } = await deployStack(
        {
          context,
          stacks: parts.cloud.stacks,
          actions: parts.cloud.actions,
          step: context.step,
          intervalMs: parts.pollIntervalMs,
        },
        {
          component,
          name: stackNameFor(practiceId, component),
          templateBody: templates[component],
          templateSha256: sha256,
          parameters: parametersFor(manifest, component, standing, outputsBefore(context, component)),
          tags: stackTagsFor(practiceId, component, releaseId),
        },
      );
      return {
        stackId: stack.stackId,
        status: stack.status,
        templateSha256: sha256,
        outputs: stack.outputs,
        changed,
      };
    },
    commit: (trx, output, { run, now }) =>
      recordSiloStack(trx, {
        practiceId: run.practiceId,
        component,
        stackName: stackNameFor(run.practiceId, component),
        stackId: output.stackId,
        status: output.status,
        templateSha256: output.templateSha256,
        outputs: output.outputs,
        observedAt: now(),
      }),
  };
}

/** The outputs of the stacks that come before this one, all in one. */
export function outputsBefore(
  context: Pick<StepContext, 'outputOf'>,
  component: Component | undefined,
): Record<string, string> {
  const before = component === undefined ? components : components.slice(0, components.indexOf(component));
  return Object.assign({}, ...before.map((earlier) => context.outputOf(deployed(earlier)).outputs));
}
