import { setTimeout as delay } from 'node:timers/promises';
import { appendRunEvents, hasToldOfChangeSet } from '../db/run-event-store.ts';
import { type Review, reviewChanges } from '../domain/change-review.ts';
import { remedyFor } from '../domain/cloud-refusals.ts';
import { DomainError, isMissing } from '../domain/errors.ts';
import type { Component } from '../domain/release.ts';
import type { ChangeSetView, StackView } from '../ports/stack-deployments.ts';
import type { StepContext } from '../runs/workflow.ts';
import { hasMovedOn } from './interference.ts';
import { stackFailure } from './stack-failure.ts';
import { overridesFor } from './stack-guard.ts';
import type { Watch } from './stack-progress.ts';
import { onceVisible } from './visibility.ts';

/** What a stack is to become. */
export interface WantedStack {
  readonly component: Component;
  readonly name: string;
  readonly templateBody: string;
  readonly templateSha256: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** Watches a stack for a step. */
export type StepWatch = Watch & { readonly context: StepContext };

/** So many times a change set is made anew because somebody has deleted or overtaken the one before. */
const makings = 3;

/**
 * Makes a change set and waits until CloudFormation has worked it out; undefined when there is nothing to change. `purpose` tells apart
 * what must not be joined: the same one is the same change set. One that somebody deletes or overtakes meanwhile is made anew.
 * @throws DomainError `deployment_failed` when CloudFormation makes none, or an earlier attempt has executed it already and failed.
 */
export async function makeChangeSet(
  watch: Watch,
  wanted: WantedStack,
  existing: StackView | undefined,
  purpose: string,
): Promise<(ChangeSetView & { readonly stackId: string }) | undefined> {
  for (let making = 1; making <= makings; making += 1) {
    const changeSet = await joinChangeSet(watch, wanted, existing, `${purpose}:${making}`);
    if (changeSet?.state === 'empty') {
      await watch.stacks.deleteChangeSet(changeSet.id, watch.context.signal);
      return undefined;
    }
    // An earlier attempt executed it and did not live to see the end. The stack is not as wanted, and its events tell why.
    if (changeSet?.state === 'executed' && existing !== undefined && isRolledBack(existing)) {
      throw await stackFailure(watch, existing);
    }
    if (changeSet?.state === 'ready') return changeSet;
    if (changeSet?.state === 'failed') {
      throw new DomainError(
        'deployment_failed',
        `CloudFormation made no change set for ${wanted.name}: ${changeSet.reason}`,
        { context: remedyIn(changeSet.reason) },
      );
    }
  }
  throw new DomainError(
    'deployment_failed',
    `Somebody else deletes or overtakes the change sets of stack ${wanted.name}: after ${makings} of them nothing was changed.`,
    {
      context: {
        nextAction: `Find out in CloudTrail who works on stack ${wanted.name} and stop it, then retry the run.`,
      },
    },
  );
}

const isRolledBack = ({ status }: StackView): boolean => status.startsWith('UPDATE_ROLLBACK');

/** Makes a change set, or joins the one that an earlier attempt made; undefined when somebody has deleted it. */
async function joinChangeSet(
  watch: Watch,
  wanted: WantedStack,
  existing: StackView | undefined,
  purpose: string,
): Promise<(ChangeSetView & { readonly stackId: string }) | undefined> {
  const { context, stacks } = watch;
  const token = context.token(`change-set:${purpose}:${wanted.templateSha256}`);
  await context.checkpoint();
  const request = {
    stackName: wanted.name,
    kind: existing === undefined ? 'create' : 'update',
    name: `run-${token.slice(0, 32)}`,
    templateBody: wanted.templateBody,
    parameters: wanted.parameters,
    tags: wanted.tags,
    token,
  } as const;
  const made = await unlessDeleted(() => stacks.createChangeSet(request, context.signal));
  if (made === undefined) return undefined;
  const changeSet = await readyChangeSet(watch, made.id);
  return changeSet === undefined ? undefined : { ...changeSet, stackId: made.stackId };
}

/** CloudFormation shows a change set as soon as it has answered with its id, or nearly so. */
const changeSetVisibleWithinMs = 5_000;

/** One that cannot be read for longer than AWS needs to show what is new was deleted by somebody. */
async function readyChangeSet(
  { context, stacks, intervalMs }: Watch,
  id: string,
): Promise<ChangeSetView | undefined> {
  for (;;) {
    const changeSet = await onceVisible(
      context,
      () => unlessDeleted(() => stacks.describeChangeSet(id, context.signal)),
      changeSetVisibleWithinMs,
    );
    if (changeSet?.state !== 'pending') return changeSet;
    await context.checkpoint();
    await delay(Math.min(intervalMs, 1_000), undefined, { signal: context.signal });
  }
}

/** Undefined for a change set that is not there. Of a stack that is gone CloudFormation speaks otherwise: the stack has to be read again then. */
async function unlessDeleted<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isMissing(error) && !hasMovedOn(error)) return undefined;
    throw error;
  }
}

/** For the context of an error: what to do about a refusal that these words tell of. */
function remedyIn(said: string): { readonly nextAction?: string } {
  const nextAction = remedyFor(said);
  return nextAction === undefined ? {} : { nextAction };
}

/** Judges what a change set would do, by what this run is allowed to. */
export async function reviewOf(watch: Watch, wanted: WantedStack, changeSet: ChangeSetView): Promise<Review> {
  return reviewChanges(changeSet.changes, await overridesFor(watch, wanted.component));
}

/** Keeps the judgement of every change as events. A repeated step finds the change set that it made before: its changes are told once. */
export function tellReview(
  { context, step }: Watch,
  wanted: WantedStack,
  changeSetId: string,
  review: Review,
): Promise<void> {
  return context.write(async (trx) => {
    if (await hasToldOfChangeSet(trx, context.run.id, changeSetId)) return;
    const events = review.changes.map((change) => ({
      kind: 'change' as const,
      step,
      stackName: wanted.name,
      changeSetId,
      ...change,
    }));
    await appendRunEvents(trx, context.run.id, events, context.now());
  });
}

/** The error for objections to one stack or several; `done` says what was changed before, if anything. */
export function changeRefused(
  refused: readonly { readonly stackName: string; readonly review: Review }[],
  done: string,
): DomainError {
  const objections = refused.flatMap(({ stackName, review }) =>
    review.objections.map((objection) => ({ stackName, ...objection })),
  );
  const [first] = objections;
  return new DomainError('change_refused', objections.map(({ message }) => message).join(' '), {
    context: {
      ...(first === undefined
        ? {}
        : {
            resource: {
              stackName: first.stackName,
              logicalId: first.logicalId,
              type: first.type,
              reason: first.message,
            },
          }),
      nextAction:
        `${done} Publish a release that leaves this resource in place, or move its data first; then update again. ` +
        'Where the loss is meant, a security administrator may allow this one change (lumenality override allow); then retry.',
    },
  });
}
