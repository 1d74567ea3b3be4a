import { z } from 'zod';
import { recordSiloStack } from '../../db/silo-stack-store.ts';
import { type Component, components, type Release } from '../../domain/release.ts';
import { type Parameters, parametersFor, stackNameFor, stackTagsFor } from '../../domain/stack-plan.ts';
import type { CloudPorts } from '../../ports/cloud.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import type { WantedStack } from '../change-sets.ts';
import { deployStack } from '../deploy-stack.ts';
import { releaseOf, wantedOf } from './prepare.ts';

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
  readonly cloud: Pick<CloudPorts, 'stacks' | 'actions' | 'silo' | 'removal'>;
  readonly pollIntervalMs: number;
  /** What the stacks before it gave out; absent: what the steps before this one have deployed. */
  readonly earlierOutputs?: (context: StepContext) => Parameters;
}

/** Brings one of the silo's stacks to what the release says, and records it as it was seen afterwards. */
export function deployComponent(
  parts: DeployParts,
  component: Component,
): StepDefinition<z.infer<typeof deployedSchema>> {
  return {
    ...deployed(component),
    run: async (context) => {
      const { releaseId, standing } = wantedOf(context, component);
      const { practiceId } = context.run;
      const release = await releaseOf(context, releaseId);
      const earlier = parts.earlierOutputs?.(context) ?? outputsBefore(context, component);
      const wanted = wantedStack(practiceId, release, component, standing, earlier);
      const { stack, changed } = await deployStack(
        {
          context,
          stacks: parts.cloud.stacks,
          actions: parts.cloud.actions,
          silo: parts.cloud.silo,
          removal: parts.cloud.removal,
          step: context.step,
          intervalMs: parts.pollIntervalMs,
        },
        wanted,
      );
      return {
        stackId: stack.stackId,
        status: stack.status,
        templateSha256: wanted.templateSha256,
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

/** What a release makes of one stack of a practice. */
export function wantedStack(
  practiceId: string,
  { manifest, templates }: Release,
  component: Component,
  standing: Parameters,
  earlierOutputs: Parameters,
): WantedStack {
  return {
    component,
    name: stackNameFor(practiceId, component),
    templateBody: templates[component],
    templateSha256: manifest.templates[component].sha256,
    parameters: parametersFor(manifest, component, standing, earlierOutputs),
    tags: stackTagsFor(practiceId, component, manifest.id),
  };
}

/** What the step of this run that deployed a component's stack has seen it give out. */
export function outputsOf(
  context: Pick<StepContext, 'outputOf'>,
  component: Component,
): Readonly<Record<string, string>> {
  return context.outputOf(deployed(component)).outputs;
}

/** The outputs of the stacks that come before this one, all in one. */
export function outputsBefore(
  context: Pick<StepContext, 'outputOf'>,
  component: Component | undefined,
): Record<string, string> {
  const before = component === undefined ? components : components.slice(0, components.indexOf(component));
  return Object.assign({}, ...before.map((earlier) => outputsOf(context, earlier)));
}
