import { appendAudit } from '../db/audit-store.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { findPlan, insertPlan, type NewPlan, type PlanRow, listPlans as planRows } from '../db/plan-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';

export type { PlanRow };

/** Every plan with its versions, by id. */
export function listPlans(core: Core, page: PageRequest): Promise<Page<PlanRow>> {
  return planRows(core.db, page);
}

/** @throws DomainError `not_found` */
export async function readPlan(core: Core, id: string): Promise<PlanRow> {
  return requirePlan(await findPlan(core.db, id));
}

/**
 * Makes a plan, which is offered from the day of its first version on. Once for each idempotency key.
 * @throws DomainError `conflict` when the id is taken
 */
export function createPlan(
  core: Core,
  plan: NewPlan,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<{ readonly id: string }>> {
  const scope = `POST /v1/plans ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request: plan }, async (trx) => {
    const { id, name, description, promise } = plan;
    if (!(await insertPlan(trx, plan))) {
      throw new DomainError(
        'conflict',
        `There is a plan ${id} already. Publish a version of it, or choose another id.`,
        {
          fields: [{ pointer: '/id', message: 'must be an id that no plan has' }],
        },
      );
    }
    await appendAudit(trx, {
      actor,
      action: 'plan.created',
      subject: { type: 'plan', id },
      details: { name, description, promise },
      at: core.clock.now(),
    });
    return { status: 201, body: { id } };
  });
}

/** @throws DomainError `not_found` */
export function requirePlan(plan: PlanRow | undefined): PlanRow {
  if (plan === undefined) throw notFound('plan');
  return plan;
}
