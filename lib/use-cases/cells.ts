import { randomBytes } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import { type CellChange, changeCell, deleteCell, findCell, insertCell, lockCell } from '../db/cell-store.ts';
import type { Trx } from '../db/database.ts';
import type { Actor } from '../domain/access.ts';
import {
  type Cell,
  configuredCellId,
  limitsWith,
  type NamedLimits,
  type NewCell,
  placeOf,
} from '../domain/cell.ts';
import { DomainError } from '../domain/errors.ts';
import { placeWaiting } from '../workflows/place-waiting.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { type CellOverview, readCell, requireCell } from './read-cells.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

/** A change of a cell, held to the revision that its author saw. */
export interface CellRequest {
  readonly id: string;
  readonly reason?: string | undefined;
  readonly revision?: readonly number[] | undefined;
}

/**
 * Records a new cell as `pending`, with an external id of its own; nothing is placed there before it is activated. Once for each
 * idempotency key.
 * @throws DomainError `invalid_input`; `conflict` when its id, account or domain is another cell's.
 */
export function addCell(
  core: Core,
  request: NewCell & { readonly reason?: string | undefined },
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<{ readonly id: string }>> {
  const scope = `POST /v1/cells ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request }, async (trx) => {
    await add(core, trx, request, actor);
    return { status: 201, body: { id: request.id } };
  });
}

async function add(
  core: Core,
  trx: Trx,
  { reason, ...asked }: NewCell & { readonly reason?: string | undefined },
  actor: Actor,
): Promise<void> {
  const configured = await findCell(trx, configuredCellId);
  if (configured === undefined) throw notFound('cell');
  const now = core.clock.now();
  const place = placeOf(asked, configured);
  const added = await insertCell(trx, {
    ...place,
    id: asked.id,
    externalId: randomBytes(24).toString('base64url'),
    state: 'pending',
    revision: 1,
    createdBy: actor.name,
    createdAt: now,
    updatedAt: now,
  });
  if (!added) {
    throw new DomainError(
      'conflict',
      `A cell ${asked.id}, or one in account ${asked.accountId} or with the domain ${asked.domain}, is there already. An account holds one cell: its roles have fixed names. See \`cell list\`.`,
    );
  }
  await audit(core, trx, asked.id, 'cell.added', { reason, ...place }, actor);
}

/**
 * Opens a cell for practices, once the control plane was seen to be let in with the external id and refused without. Practices that
 * wait are placed at once.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` (active already, or changed meanwhile); whatever
 * `CellAccess.check` says.
 */
export async function activateCell(core: Core, request: CellRequest, actor: Actor): Promise<CellOverview> {
  const seen = await requireCell(core.db, request.id);
  requireRevision(seen.revision, request.revision);
  requireState(seen, ['pending', 'draining'], 'is active already');
  await core.cellAccess.check(seen);
  const details = { roleArn: seen.roleArn, accountId: seen.accountId };
  // What was checked is what is opened.
  const change = { ...request, revision: [seen.revision] };
  await changed(core, change, actor, 'cell.activated', details, () => ({ state: 'active' }));
  return placingWaiting(core, request.id);
}

/** Places nothing more in a cell; the practices that are there stay. @throws DomainError `not_found`; `precondition_failed`; `wrong_state` */
export async function drainCell(core: Core, request: CellRequest, actor: Actor): Promise<CellOverview> {
  await changed(core, request, actor, 'cell.draining', {}, (cell) => {
    requireState(cell, ['active'], `is ${cell.state}: only an active cell can be drained`);
    return { state: 'draining' };
  });
  // Those that wait hear of it.
  return placingWaiting(core, request.id);
}

/**
 * Sets limits of a cell; those that are not named stay. A limit may be below what is in use: then nothing more is placed there.
 * Practices that wait are placed at once where there is room now.
 * @throws DomainError `not_found`; `precondition_failed`
 */
export async function setCellLimits(
  core: Core,
  request: CellRequest & { readonly limits: NamedLimits },
  actor: Actor,
): Promise<CellOverview> {
  await core.db.transaction().execute(async (trx) => {
    const cell = await lockForChange(trx, request);
    const limits = limitsWith(cell.limits, request.limits);
    await changeCell(trx, cell.id, { limits }, core.clock.now());
    const details = { reason: request.reason, from: cell.limits, to: limits };
    await audit(core, trx, cell.id, 'cell.limits_changed', details, actor);
  });
  return placingWaiting(core, request.id);
}

/**
 * Forgets a cell that was never activated. Its stacks, if somebody deployed them, are for that account's administrator to remove.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`
 */
export function removeCell(core: Core, request: CellRequest, actor: Actor): Promise<void> {
  return core.db.transaction().execute(async (trx) => {
    const cell = await lockForChange(trx, request);
    requireState(
      cell,
      ['pending'],
      `is ${cell.state}: only one that was never activated can be removed; drain it`,
    );
    await deleteCell(trx, cell.id);
    await audit(core, trx, cell.id, 'cell.removed', { reason: request.reason }, actor);
  });
}

async function changed(
  core: Core,
  request: CellRequest,
  actor: Actor,
  action: string,
  details: object,
  decide: (cell: Cell) => CellChange,
): Promise<void> {
  await core.db.transaction().execute(async (trx) => {
    const cell = await lockForChange(trx, request);
    const change = decide(cell);
    await changeCell(trx, cell.id, change, core.clock.now());
    await audit(core, trx, cell.id, action, { reason: request.reason, from: cell.state, ...details }, actor);
  });
}

async function lockForChange(trx: Trx, { id, revision }: CellRequest): Promise<Cell> {
  const cell = await lockCell(trx, id);
  if (cell === undefined) throw notFound('cell');
  requireRevision(cell.revision, revision);
  return cell;
}

function requireState(cell: Cell, allowed: readonly Cell['state'][], refusal: string): void {
  if (!allowed.includes(cell.state)) throw wrongState(cell.state, `Cell ${cell.id} ${refusal}.`);
}

async function placingWaiting(core: Core, id: string): Promise<CellOverview> {
  await placeWaiting(core);
  return readCell(core, id);
}

function audit(
  core: Core,
  trx: Trx,
  id: string,
  action: string,
  details: object,
  actor: Actor,
): Promise<void> {
  return appendAudit(trx, {
    actor,
    action,
    subject: { type: 'cell', id },
    details: { ...details },
    at: core.clock.now(),
  });
}
