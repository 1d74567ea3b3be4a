import { createHash, randomUUID } from 'node:crypto';
import type { Db } from '../db/database.ts';
import type { PracticeRow } from '../db/practice-store.ts';
import type { Review } from '../domain/change-review.ts';
import { DomainError, isMissing } from '../domain/errors.ts';
import { type Component, components } from '../domain/release.ts';
import { requireFillable, stackNameFor } from '../domain/stack-plan.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { StackDeployments } from '../ports/stack-deployments.ts';
import type { RunContext } from '../runs/workflow.ts';
import { type StandingSources, standingOf } from './practice-parameters.ts';
import { reviewStacks } from './review-stacks.ts';
import { inProgress } from './stack-progress.ts';
import { releaseOf } from './steps/prepare.ts';

/** What a preview asks of a practice's cell. */
export interface PreviewParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly stacks: StackDeployments;
  readonly sources: StandingSources;
  /** Milliseconds between two looks at a change set in the making. */
  readonly pollIntervalMs: number;
}

/** What a release would do to one stack. */
export interface StackPreview {
  readonly component: Component;
  readonly stackName: string;
  /** `unknown`: known only once an earlier stack is updated, or the stack is not there or not whole. */
  readonly state: 'unchanged' | 'changed' | 'refused' | 'unknown';
  readonly changes: Review['changes'];
}

/** Change sets that a preview leaves are deleted within so many milliseconds, even when who asked has gone. */
const tidyWithinMs = 30_000;

/**
 * Reviews what an update of a practice to a release would do, by the change review of the update itself. Executes nothing, records
 * nothing, and leaves no change set behind.
 * @throws DomainError `wrong_state` when a stack is being changed; what making a change set may throw
 */
export async function previewRelease(
  parts: PreviewParts,
  practice: PracticeRow,
  releaseId: string,
  signal: AbortSignal,
): Promise<StackPreview[]> {
  const release = await releaseOf(parts, releaseId);
  const standing = await standingOf(parts.db, parts.sources, practice, release.manifest);
  requireFillable(release.manifest, standing);
  const { stacks, tidy } = tidied(parts.stacks);
  const context = contextOf(parts, practice.id, releaseId, signal);
  const watch = { context, stacks, step: 'preview', intervalMs: parts.pollIntervalMs };
  const reviews = new Map<Component, Review>();
  try {
    const later = await reviewStacks(watch, async () => ({ release, standing }), {
      purpose: 'preview',
      look: async (stackName) => {
        const stack = await stacks.describe(stackName, signal);
        if (stack === undefined || !inProgress(stack.status)) return stack;
        const message = `Stack ${stackName} is being changed (${stack.status}). Wait for its end, then ask again.`;
        throw new DomainError('wrong_state', message, { context: { state: stack.status } });
      },
      reviewed: async ({ component }, _changeSetId, review) => void reviews.set(component, review),
    });
    return components.map((component) => ({
      component,
      stackName: stackNameFor(practice.id, component),
      state: later.includes(component) ? 'unknown' : stateOf(reviews.get(component)),
      changes: reviews.get(component)?.changes ?? [],
    }));
  } finally {
    await tidy(parts.log);
  }
}

function stateOf(review: Review | undefined): StackPreview['state'] {
  if (review === undefined) return 'unchanged';
  return review.objections.length === 0 ? 'changed' : 'refused';
}

/** Remembers which change sets were made and not deleted. */
function tidied(inner: StackDeployments): {
  readonly stacks: StackDeployments;
  readonly tidy: (log: Log) => Promise<void>;
} {
  const left = new Set<string>();
  const remove: StackDeployments['deleteChangeSet'] = async (id, signal) => {
    await inner.deleteChangeSet(id, signal);
    left.delete(id);
  };
  const stacks: StackDeployments = {
    ...inner,
    createChangeSet: async (request, signal) => {
      const made = await inner.createChangeSet(request, signal);
      left.add(made.id);
      return made;
    },
    deleteChangeSet: remove,
  };
  const tidy = async (log: Log) => {
    for (const id of left) {
      try {
        await remove(id, AbortSignal.timeout(tidyWithinMs));
      } catch (error) {
        // Why the preview failed must be told; a change set does nothing until somebody executes it.
        if (!isMissing(error))
          log.warn({ err: error, changeSet: id }, 'a preview left its change set behind');
      }
    }
  };
  return { stacks, tidy };
}

/** A preview stands where a run would, so that the same review serves both; there is no run on record, and nothing it could write to. */
function contextOf(
  { db, clock, log }: PreviewParts,
  practiceId: string,
  releaseId: string,
  signal: AbortSignal,
): RunContext {
  const id = randomUUID();
  const now = () => clock.now();
  const refuse = async (): Promise<never> => {
    throw new Error('a preview writes nothing');
  };
  return {
    run: {
      id,
      workflow: 'update-practice',
      practiceId,
      state: 'running',
      waitingFor: null,
      input: { releaseId },
      error: null,
      kept: [],
      generation: 0,
      requestedBy: 'preview',
      createdAt: now(),
      startedAt: now(),
      finishedAt: null,
    },
    db,
    signal,
    log,
    now,
    token: (action) => createHash('sha256').update(`${id} ${action}`).digest('hex'),
    checkpoint: async () => signal.throwIfAborted(),
    write: refuse,
    emit: refuse,
  };
}
