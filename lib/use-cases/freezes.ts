import { randomUUID } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import {
  findFreeze,
  listFreezes as freezeRows,
  insertFreeze,
  lockFreeze,
  type StoredFreeze,
  setFreezeLifted,
  setFreezeRenewed,
} from '../db/freeze-store.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { lockPractice } from '../db/practice-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { freezeStateOf, requireEnd } from '../domain/schedule.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { requireRevision, wrongState } from './refusals.ts';

export type { StoredFreeze };

/** Newest first; with `open` only those that hold now or later, with a practice those that concern it. */
export function listFreezes(
  core: Core,
  { open, ...page }: PageRequest & { readonly practiceId?: string | undefined; readonly open: boolean },
): Promise<Page<StoredFreeze>> {
  return freezeRows(core.db, { ...page, openAt: open ? core.clock.now() : undefined });
}

export interface FreezeRequest {
  /** Null for the whole fleet. */
  readonly practiceId: string | null;
  readonly reason: string;
  /** Now unless given. */
  readonly from?: Date | undefined;
  readonly until: Date;
}

/**
 * Keeps updates from starting, of a practice or of the fleet, for 30 days at most; what is running goes on. Once for each idempotency
 * key.
 * @throws DomainError `invalid_input`
 */
export function createFreeze(
  core: Core,
  request: FreezeRequest,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<{ readonly id: string }>> {
  const scope = `POST /v1/freezes ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request }, async (trx) => {
    const at = core.clock.now();
    const from = beginOf(request, at);
    requireEnd('freeze', from, request.until);
    await requirePractice(trx, request.practiceId);
    const { practiceId, reason, until } = request;
    const id = randomUUID();
    const values = { id, practiceId, reason, from, until, createdBy: actor.name, createdAt: at };
    const freeze = await insertFreeze(trx, values);
    await audit(trx, freeze, { actor, action: 'freeze.created', details: { reason, from, until }, at });
    return { status: 201, body: { id } };
  });
}

function beginOf({ from }: FreezeRequest, now: Date): Date {
  if (from === undefined) return now;
  if (from >= now && from.getTime() <= now.getTime() + furthestBegin) return from;
  const message = 'must be within a year from now; leave it out for a freeze that begins now';
  throw new DomainError('invalid_input', `The beginning of the freeze ${message}.`, {
    fields: [{ pointer: '/from', message }],
  });
}

const furthestBegin = 365 * 86_400_000;

async function requirePractice(trx: Trx, practiceId: string | null): Promise<void> {
  if (practiceId === null || (await lockPractice(trx, practiceId)) !== undefined) return;
  throw new DomainError('invalid_input', `There is no practice ${practiceId}.`, {
    fields: [
      { pointer: '/practiceId', message: 'must be the id of a practice, or null for the whole fleet' },
    ],
  });
}

/** @throws DomainError `not_found` */
export async function readFreeze(core: Core, id: string): Promise<StoredFreeze> {
  return requireFound(await findFreeze(core.db, id));
}

/** Whose change of which freeze, held to the revisions that its author saw. */
export interface FreezeChange {
  readonly id: string;
  readonly revision?: readonly number[] | undefined;
}

/**
 * Lets updates start again; what is lifted or over stays as it is.
 * @throws DomainError `not_found`; `precondition_failed`; `forbidden` for what a security administrator has renewed, by anybody else
 */
export function liftFreeze(core: Core, { id, revision }: FreezeChange, actor: Actor): Promise<void> {
  return core.db.transaction().execute(async (trx) => {
    const freeze = requireFound(await lockFreeze(trx, id));
    requireRevision(freeze.revision, revision);
    const at = core.clock.now();
    if (!isOpen(freeze, at)) return;
    if (freeze.renewedBySecurity && !actor.roles.includes('security_admin')) {
      throw new DomainError(
        'forbidden',
        'A security administrator has renewed this freeze (role security_admin): nobody else lifts it.',
      );
    }
    await setFreezeLifted(trx, id, actor.name, at);
    await audit(trx, freeze, { actor, action: 'freeze.lifted', details: { until: freeze.until }, at });
  });
}

/**
 * Gives a freeze a new end, 30 days from now at most, or from its beginning when that is still to come. From then on it holds against
 * the deadline of a security release too, which is why it is a security administrator's decision (control-api/access.ts).
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` once it is lifted or over; `invalid_input`
 */
export function renewFreeze(
  core: Core,
  { id, revision, until, reason }: FreezeChange & { readonly until: Date; readonly reason: string },
  actor: Actor,
): Promise<StoredFreeze> {
  return core.db.transaction().execute(async (trx) => {
    const freeze = requireFound(await lockFreeze(trx, id));
    requireRevision(freeze.revision, revision);
    const at = core.clock.now();
    if (!isOpen(freeze, at)) {
      const state = freezeStateOf(freeze, at);
      throw wrongState(state, `The freeze is ${state} and cannot be renewed. Create a new one.`);
    }
    requireEnd('freeze', freeze.from > at ? freeze.from : at, until);
    const renewed = await setFreezeRenewed(trx, id, { by: actor.name, at, reason, until });
    const details = { reason, from: freeze.until, to: until };
    await audit(trx, freeze, { actor, action: 'freeze.renewed', details, at });
    return renewed;
  });
}

const isOpen = (freeze: StoredFreeze, now: Date): boolean =>
  ['scheduled', 'in_force'].includes(freezeStateOf(freeze, now));

/** A freeze of a practice stands in that practice's trail. */
function audit(
  trx: Trx,
  { id, practiceId }: StoredFreeze,
  entry: {
    readonly actor: Actor;
    readonly action: string;
    readonly details: Readonly<Record<string, unknown>>;
    readonly at: Date;
  },
): Promise<void> {
  const subject = practiceId === null ? { type: 'freeze', id } : { type: 'practice', id: practiceId };
  return appendAudit(trx, { ...entry, subject, details: { ...entry.details, freezeId: id } });
}

function requireFound(freeze: StoredFreeze | undefined): StoredFreeze {
  if (freeze !== undefined) return freeze;
  throw new DomainError('not_found', 'There is no such freeze. List them to find the id.');
}
