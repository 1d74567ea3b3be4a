import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { openDeployment } from '../../db/deployment-store.ts';
import { findPractice, hostNameOf } from '../../db/practice-store.ts';
import { readReleaseTemplates } from '../../db/release-store.ts';
import { DomainError } from '../../domain/errors.ts';
import { type Component, components, type Release } from '../../domain/release.ts';
import { requireFillable } from '../../domain/stack-plan.ts';
import type { RunContext, StepContext, StepDefinition } from '../../runs/workflow.ts';
import { sha256 } from '../deploy-stack.ts';
import { keptReleases } from '../kept-releases.ts';
import { type StandingSources, standingOf } from '../practice-parameters.ts';

const inputSchema = z.object({ releaseId: z.string() });

const wantedSchema = z.object({ releaseId: z.string(), standing: z.record(z.string(), z.string()) });

export const prepared = {
  name: 'prepare',
  output: z.object({
    releaseId: z.string(),
    hostName: z.string(),
    /** Values of parameters that are known before anything is deployed. */
    standing: z.record(z.string(), z.string()),
    /** Stacks that stay at a newer release, since the app went back: nothing that holds records does. */
    kept: z.object({ foundation: wantedSchema, data: wantedSchema }).optional(),
  }),
};

/** What a stack of the practice is to be at. */
export function wantedOf(
  context: Pick<StepContext, 'outputOf'>,
  component: Component,
): z.infer<typeof wantedSchema> {
  const { releaseId, standing, kept } = context.outputOf(prepared);
  return component === 'service' || kept === undefined ? { releaseId, standing } : kept[component];
}

/** Finds everything that can be wrong before anything is deployed, and opens the deployment. */
export function prepare(parts: StandingSources): StepDefinition<z.infer<typeof prepared.output>> {
  return {
    ...prepared,
    run: async ({ db, run }) => {
      const { releaseId } = inputSchema.parse(run.input);
      const practice = await findPractice(db, run.practiceId);
      if (practice === undefined)
        throw new DomainError('not_found', `There is no practice ${run.practiceId}.`);
      const release = await releaseOf({ db }, releaseId);
      const standing = await standingOf(db, parts, practice, release.manifest);
      requireFillable(release.manifest, standing);
      const at = practice.release_id === releaseId ? await keptReleases(db, practice.id) : undefined;
      const wanted = async (kept: string) => ({
        releaseId: kept,
        standing: await standingOf(db, parts, practice, (await releaseOf({ db }, kept)).manifest),
      });
      return {
        releaseId,
        hostName: hostNameOf(practice),
        standing,
        ...(at === undefined
          ? {}
          : { kept: { foundation: await wanted(at.foundation), data: await wanted(at.data) } }),
      };
    },
    commit: (trx, { releaseId }, { run, now }) =>
      openDeployment(trx, {
        id: randomUUID(),
        practiceId: run.practiceId,
        releaseId,
        runId: run.id,
        now: now(),
      }),
  };
}

/**
 * A release as published, each template checked against the manifest's hash.
 * @throws DomainError `not_found`; `configuration` when a template is not the one that was built.
 */
export async function releaseOf({ db }: Pick<RunContext, 'db'>, releaseId: string): Promise<Release> {
  const release = await readReleaseTemplates(db, releaseId);
  if (release === undefined) {
    throw new DomainError(
      'not_found',
      `Release ${releaseId} is not published. Publish it, then retry the run.`,
    );
  }
  for (const component of components) {
    if (sha256(release.templates[component]) === release.manifest.templates[component].sha256) continue;
    throw new DomainError(
      'configuration',
      `The ${component} template of release ${releaseId} is not the one that its manifest names by hash. Nothing was deployed from it.`,
    );
  }
  return release;
}
