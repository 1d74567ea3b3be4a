import { randomUUID } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import type { Page, PageRequest } from '../db/page.ts';
import {
  countRolloutTargets,
  findChild,
  insertRollout,
  lockRollouts,
  type RolloutFilter,
  type RolloutRow,
  type RolloutTargetRow,
  readRolloutPlan,
  readRollout as readRow,
  listRollouts as rolloutRows,
  type TargetCount,
  type TargetFilter,
  listRolloutTargets as targetRows,
} from '../db/rollout-store.ts';
import { readSchedules } from '../db/schedule-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { RolloutPlan } from '../domain/rollout.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { type PlannedRollout, type PlanRequest, planWith } from './plan-rollout.ts';
import { notFound } from './refusals.ts';
import { startRollout } from './start-rollout.ts';

export type { TargetCount };

export interface RolloutRequest extends PlanRequest {
  readonly reason: string;
  /** Whether it starts at once; else it is stored as planned. */
  readonly start: boolean;
}

/**
 * Plans a rollout over the fleet as it is now and stores the plan, which never changes; with `start` it begins in the same transaction.
 * Once for each idempotency key.
 * @throws DomainError `invalid_input`; `wrong_state` when the release is halted; `conflict` when nobody would be updated, or an unfinished
 * rollout of this release or a newer one has practices of the plan, and names it
 */
export function createRollout(
  core: Core,
  request: RolloutRequest,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<{ readonly id: string }>> {
  const scope = `POST /v1/rollouts ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request }, async (trx) => {
    if (request.start) await lockRollouts(trx);
    const now = core.clock.now();
    const planned = await planWith(trx, request, now);
    requireSomething(planned);
    const { release, policy, plan, takesOver } = planned;
    const { reason, releaseId } = request;
    const id = randomUUID();
    const parentId = takesOver?.id ?? null;
    await insertRollout(trx, { id, releaseId, parentId, policy, plan, reason, createdBy: actor.name, now });
    await appendAudit(trx, {
      actor,
      action: 'rollout.created',
      subject: { type: 'rollout', id },
      details: {
        releaseId,
        kind: release.kind,
        reason,
        policy,
        parentId,
        practices: plan.waves.map(({ ring, targets }) => ({ ring, count: targets.length })),
        left: plan.left.length,
        late: plan.late.length,
      },
      at: now,
    });
    if (request.start) await startRollout(core, trx, { id }, actor);
    return { status: 201, body: { id } };
  });
}

function requireSomething({ plan, release, blockedBy }: PlannedRollout): void {
  const [other] = blockedBy;
  if (other !== undefined) {
    throw new DomainError(
      'conflict',
      `Rollout ${other.id} of release ${other.releaseId} has begun and has ${other.practices} of the practices that would get ${release.id}. Wait for its end or abort it.`,
      { context: { rolloutId: other.id } },
    );
  }
  if (plan.waves.length > 0) return;
  const [first] = plan.left;
  throw new DomainError(
    'conflict',
    first === undefined
      ? 'There is no practice that could get the release.'
      : `No practice would get release ${release.id}: all ${plan.left.length} are left out, the first, ${first.practiceId}, because: ${first.reason} See them all with: lumenality rollout plan ${release.id}`,
  );
}

/** How far a rollout is. */
export interface RolloutProgress {
  readonly rollout: RolloutRow;
  readonly counts: readonly TargetCount[];
  /** The rollout that took over what it had not begun. */
  readonly childId: string | null;
}

/** A rollout with what it planned and how far it is. */
export interface RolloutDetails extends RolloutProgress {
  readonly plan: RolloutPlan;
}

/** Without the plan, which names every practice. @throws DomainError `not_found` */
export async function readRolloutProgress(core: Core, id: string): Promise<RolloutProgress> {
  const rollout = await readRow(core.db, id);
  if (rollout === undefined) throw notFound('rollout');
  const counts = await countRolloutTargets(core.db, [id]);
  return { rollout, counts, childId: (await findChild(core.db, id)) ?? null };
}

/** @throws DomainError `not_found` */
export async function readRollout(core: Core, id: string): Promise<RolloutDetails> {
  const progress = await readRolloutProgress(core, id);
  const plan = await readRolloutPlan(core.db, id);
  if (plan === undefined) throw notFound('rollout');
  return { ...progress, plan };
}

/** A rollout of a list. */
export type RolloutOverview = Pick<RolloutProgress, 'rollout' | 'counts'>;

/** Newest first. */
export async function listRollouts(
  core: Core,
  page: PageRequest & RolloutFilter,
): Promise<Page<RolloutOverview>> {
  const { items, nextCursor } = await rolloutRows(core.db, page);
  const counts = await countRolloutTargets(
    core.db,
    items.map(({ id }) => id),
  );
  return {
    items: items.map((rollout) => ({
      rollout,
      counts: counts.filter(({ rolloutId }) => rolloutId === rollout.id),
    })),
    nextCursor,
  };
}

/** A practice of a rollout, with the zone of its window. */
export interface TargetOfRollout {
  readonly target: RolloutTargetRow;
  readonly timeZone: string;
}

/** In the order of their starts. @throws DomainError `not_found` */
export async function listRolloutTargets(
  core: Core,
  rolloutId: string,
  page: PageRequest & TargetFilter,
): Promise<Page<TargetOfRollout>> {
  if ((await readRow(core.db, rolloutId)) === undefined) throw notFound('rollout');
  const { items, nextCursor } = await targetRows(core.db, rolloutId, page);
  const schedules = await readSchedules(
    core.db,
    items.map((target) => target.practice_id),
  );
  const zones = new Map(schedules.map(({ practiceId, window }) => [practiceId, window.timeZone]));
  return {
    items: items.map((target) => ({ target, timeZone: zones.get(target.practice_id) ?? 'UTC' })),
    nextCursor,
  };
}
