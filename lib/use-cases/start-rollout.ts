import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { addNotices } from '../db/notice-store.ts';
import { readRelease } from '../db/release-store.ts';
import {
  type HeldPractice,
  heldPractices,
  lockRollouts,
  readRollout,
  readRolloutPlan,
  setRolloutStarted,
  skipTargets,
  supersedeRollout,
  unfinishedRollouts,
} from '../db/rollout-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { NewNotice } from '../domain/notice.ts';
import { type RolloutPlan, type RolloutTarget, unfinishedRolloutStates } from '../domain/rollout.ts';
import { refuseHalted } from '../workflows/halted-release.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

/** Which rollout, held to the revisions that its author saw. */
export interface RolloutStart {
  readonly id: string;
  readonly revision?: readonly number[] | undefined;
}

/**
 * Starts a planned rollout in the caller's transaction: from now on it holds its practices. Unfinished rollouts of older releases are
 * superseded: what they have not begun is this one's, what they are updating now ends with them and is skipped here. To be called before
 * the transaction locks anything else that a rollout's may wait for.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` when it has begun or its release is halted; `conflict` when an
 * unfinished rollout of the same or a newer release has one of its practices, and names it
 */
export async function startRollout(
  core: Core,
  trx: Trx,
  { id, revision }: RolloutStart,
  actor: Actor,
): Promise<void> {
  await lockRollouts(trx);
  const rollout = await readRollout(trx, id);
  const plan = await readRolloutPlan(trx, id);
  if (rollout === undefined || plan === undefined) throw notFound('rollout');
  requireRevision(rollout.revision, revision);
  const { state, release_id: releaseId, parent_id: parentId } = rollout;
  if (state !== 'planned') {
    throw wrongState(
      state,
      `The rollout is ${state}; only one that is planned can be started. Plan another one.`,
    );
  }
  await refuseHalted(trx, releaseId, null);
  const release = await readRelease(trx, releaseId);
  if (release === undefined) throw notFound('release');
  const now = core.clock.now();

  const older = (await unfinishedRollouts(trx)).filter(({ ordinal }) => ordinal < release.ordinal);
  for (const other of older) {
    const skipped = await supersedeRollout(trx, other.id, `Rollout ${id} of ${releaseId} took over.`, now);
    await appendAudit(trx, {
      actor,
      action: 'rollout.superseded',
      subject: { type: 'rollout', id: other.id },
      details: { by: id, releaseId, skipped },
      at: now,
    });
  }
  const underWay = await skipHeld(trx, { id, plan, now });
  await setRolloutStarted(trx, id, { parentId: parentId ?? older[0]?.id ?? null, now });
  await appendAudit(trx, {
    actor,
    action: 'rollout.started',
    subject: { type: 'rollout', id },
    details: { releaseId, reason: rollout.reason, supersedes: older.map((other) => other.id), underWay },
    at: now,
  });
  const skipped = new Set(underWay);
  const targets = plan.waves.flatMap((wave) => wave.targets).filter((each) => !skipped.has(each.practiceId));
  await addNotices(
    trx,
    targets.flatMap((target) => noticesFor(target, { id, releaseId, deadline: release.deadline })),
    now,
  );
}

/** Skips who is being updated by another rollout right now; answers whom. @throws DomainError `conflict` */
async function skipHeld(
  trx: Trx,
  { id, plan, now }: { readonly id: string; readonly plan: RolloutPlan; readonly now: Date },
): Promise<string[]> {
  const planned = new Set(plan.waves.flatMap(({ targets }) => targets.map(({ practiceId }) => practiceId)));
  const held = (await heldPractices(trx)).filter(({ practiceId }) => planned.has(practiceId));
  const isUnfinished = ({ rolloutState }: HeldPractice) =>
    unfinishedRolloutStates.some((state) => state === rolloutState);
  const [first, ...more] = held.filter(isUnfinished);
  if (first !== undefined) throw heldElsewhere(first, more.length);
  const skipped = held.map(({ practiceId, rolloutId, releaseId }) => ({
    practiceId,
    note: `Rollout ${rolloutId} was updating it to ${releaseId} when this one started.`,
  }));
  await skipTargets(trx, id, skipped, now);
  return held.map(({ practiceId }) => practiceId);
}

/** Two rollouts that have begun never have the same practice. */
export function heldElsewhere(
  { practiceId, rolloutId, releaseId, rolloutState }: HeldPractice,
  more: number,
): DomainError {
  const others = more === 0 ? '' : ` and ${more} more of its practices`;
  return new DomainError(
    'conflict',
    `Rollout ${rolloutId} of release ${releaseId} is ${rolloutState} and has ${practiceId}${others}. Wait for its end or abort it, then start this one.`,
    { context: { rolloutId } },
  );
}

function noticesFor(
  { practiceId, startsAt, latestStartAt, yielded }: RolloutTarget,
  { id, releaseId, deadline }: { id: string; releaseId: string; deadline: Date | null },
): NewNotice[] {
  const subject = { type: 'rollout', id };
  const starts = { rolloutId: id, releaseId, startsAt: startsAt.toISOString() };
  const scheduled: NewNotice = {
    kind: 'update_scheduled',
    practiceId,
    subject,
    data: { ...starts, latestStartAt: latestStartAt.toISOString() },
  };
  if (deadline === null || yielded.length === 0) return [scheduled];
  const data = { ...starts, deadline: deadline.toISOString(), yielded: [...yielded] };
  return [scheduled, { kind: 'security_override', practiceId, subject, data }];
}
