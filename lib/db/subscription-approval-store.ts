import type { Selectable } from 'kysely';
import type { ApprovalDecision, ApprovalKind } from '../domain/subscription-approval.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import type { SubscriptionApprovalTable } from './ledger-tables.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';

/** What one person asked for that takes another's approval. */
export interface SubscriptionApproval {
  readonly id: string;
  readonly kind: ApprovalKind;
  readonly practiceId: string;
  /** What is carried out on approval. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly valueCents: number;
  /** ISO 4217. */
  readonly currency: string;
  readonly reason: string;
  readonly requestedBy: { readonly id: string; readonly name: string };
  readonly requestedAt: Date;
  readonly expiresAt: Date;
}

export interface StoredApproval extends SubscriptionApproval {
  /** As recorded: one that expired is still `requested` (`approvalStateOf`). */
  readonly state: 'requested' | ApprovalDecision;
  readonly decision: {
    readonly by: string;
    readonly at: Date;
    readonly reason: string | null;
  } | null;
  /** Of an approved one: what came of it. */
  readonly result: Readonly<Record<string, string>> | null;
  readonly revision: number;
}

interface ApprovalFilter {
  readonly practiceId?: string | undefined;
  /** Those that can still be decided at this time. */
  readonly openAt?: Date | undefined;
}

export async function insertApproval(trx: Trx, approval: SubscriptionApproval): Promise<void> {
  await trx
    .insertInto('subscription_approval')
    .values({
      id: approval.id,
      kind: approval.kind,
      practice_id: approval.practiceId,
      input: toJson(approval.input),
      value_cents: approval.valueCents,
      currency: approval.currency,
      reason: approval.reason,
      state: 'requested',
      requested_by: approval.requestedBy.id,
      requested_by_name: approval.requestedBy.name,
      requested_at: approval.requestedAt,
      expires_at: approval.expiresAt,
      revision: 1,
    })
    .execute();
}

/** Newest first. */
export async function listApprovals(
  connection: Connection,
  page: PageRequest & ApprovalFilter,
): Promise<Page<StoredApproval>> {
  let query = approvals(connection);
  if (page.practiceId !== undefined) query = query.where('practice_id', '=', page.practiceId);
  if (page.openAt !== undefined) {
    query = query.where('state', '=', 'requested').where('expires_at', '>', page.openAt);
  }
  const { items, nextCursor } = await newestFirst(query, page, { at: 'requested_at', ids: 'uuid' });
  return { items: items.map(toApproval), nextCursor };
}

/** How often a practice was handed to a new owner. */
export async function countTransfers(connection: Connection, practiceId: string): Promise<number> {
  const { count } = await connection
    .selectFrom('subscription_approval')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('practice_id', '=', practiceId)
    .where('kind', '=', 'transfer')
    .where('state', '=', 'approved')
    .executeTakeFirstOrThrow();
  return count;
}

export async function findApproval(connection: Connection, id: string): Promise<StoredApproval | undefined> {
  const row = await approvals(connection).where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toApproval(row);
}

/** Reads a request and keeps others from deciding it until the transaction ends. */
export async function lockApproval(trx: Trx, id: string): Promise<StoredApproval | undefined> {
  const row = await approvals(trx).where('id', '=', id).forUpdate().executeTakeFirst();
  return row === undefined ? undefined : toApproval(row);
}

/** @param decision.result of an approved request, never of a declined one */
export async function setApprovalDecided(
  trx: Trx,
  id: string,
  decision: {
    readonly state: ApprovalDecision;
    readonly by: { readonly id: string; readonly name: string };
    readonly at: Date;
    readonly reason: string | null;
    readonly result: StoredApproval['result'];
  },
): Promise<StoredApproval> {
  const { state, by, at, reason, result } = decision;
  const row = await trx
    .updateTable('subscription_approval')
    .set((eb) => ({
      state,
      decided_by: by.id,
      decided_by_name: by.name,
      decided_at: at,
      decision_reason: reason,
      result: result === null ? null : toJson(result),
      revision: eb('revision', '+', 1),
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toApproval(row);
}

const approvals = (connection: Connection) => connection.selectFrom('subscription_approval').selectAll();

function toApproval(row: Selectable<SubscriptionApprovalTable>): StoredApproval {
  const { decided_by_name: by, decided_at: at, decision_reason: reason } = row;
  return {
    id: row.id,
    kind: row.kind,
    practiceId: row.practice_id,
    input: row.input,
    valueCents: row.value_cents,
    currency: row.currency,
    reason: row.reason,
    requestedBy: { id: row.requested_by, name: row.requested_by_name },
    requestedAt: row.requested_at,
    expiresAt: row.expires_at,
    state: row.state,
    decision: by === null || at === null ? null : { by, at, reason },
    result: row.result,
    revision: row.revision,
  };
}
