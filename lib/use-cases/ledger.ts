import { z } from 'zod';
import type { Trx } from '../db/database.ts';
import {
  balanceOf,
  findLedgerTransaction,
  type LedgerTransaction,
  listLedger as ledgerRows,
} from '../db/ledger-store.ts';
import type { Page, PageRequest } from '../db/page.ts';
import type { Actor } from '../domain/access.ts';
import { owedBy } from '../domain/ledger.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import {
  type Authorship,
  type Draft,
  draftPosting,
  draftReversal,
  type Posting,
  post,
  postingKinds,
} from './post-to-ledger.ts';
import { notFound } from './refusals.ts';
import { type Approved, requestApproval } from './request-approval.ts';
import { requireSubscription } from './subscriptions.ts';

export type { LedgerTransaction };

/** A practice's ledger, newest first, and what the practice owes by all of it. */
export interface LedgerPage extends Page<LedgerTransaction> {
  /** Below 0 when the practice is owed. */
  readonly balanceCents: number;
  /** ISO 4217. */
  readonly currency: string;
}

/** @throws DomainError `not_found` */
export async function readLedger(
  core: Core,
  page: PageRequest & { readonly practiceId: string },
): Promise<LedgerPage> {
  const { terms } = await requireSubscription(core, page.practiceId);
  const { items, nextCursor } = await ledgerRows(core.db, page);
  const balanceCents = await balanceOf(core.db, page.practiceId);
  return { items, nextCursor, balanceCents, currency: terms.currency };
}

/** @throws DomainError `not_found` */
export async function readLedgerTransaction(core: Core, id: string): Promise<LedgerTransaction> {
  const transaction = await findLedgerTransaction(core.db, id);
  if (transaction === undefined) throw notFound('ledger transaction');
  return transaction;
}

/** What became of a request: a ledger transaction, or a request for a second person's approval, by its id. */
export interface PostingAnswer {
  readonly outcome: 'posted' | 'approval_requested';
  readonly id: string;
}

interface Call {
  readonly idempotencyKey: string;
}

/**
 * Posts a credit, an adjustment or a payment, or asks for a second person where it is worth more than `Core.secondApprovalCents`. Once for
 * each idempotency key.
 * @throws DomainError `not_found`; `invalid_input` for an amount or a day that cannot be; `conflict` for a day of a closed period
 */
export function requestPosting(
  core: Core,
  request: Posting & { readonly reason: string },
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<PostingAnswer>> {
  const { reason, ...posting } = request;
  const scope = `POST /v1/practices/:id/ledger ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request }, async (trx) => {
    const draft = await draftPosting(trx, posting, authorship(core, reason, actor));
    const { kind, amountCents, day } = posting;
    const input = { kind, amountCents, ...(day === undefined ? {} : { day }) };
    return postOrAsk(core, trx, { draft, input }, actor);
  });
}

/**
 * Undoes a ledger transaction by its mirror image, once, or asks for a second person as for what it undoes.
 * @throws DomainError `not_found`; `wrong_state` for a reversal, which stays; `conflict` for what is reversed already
 */
export function requestReversal(
  core: Core,
  request: { readonly id: string; readonly reason: string },
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<PostingAnswer>> {
  const { id, reason } = request;
  const scope = `POST /v1/ledger/:id/reversal ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request }, async (trx) => {
    const draft = await draftReversal(trx, id, authorship(core, reason, actor));
    return postOrAsk(core, trx, { draft, input: { reverses: id } }, actor);
  });
}

const authorship = (core: Core, reason: string, { name }: Actor): Authorship => ({
  reason,
  author: name,
  at: core.clock.now(),
});

async function postOrAsk(
  core: Core,
  trx: Trx,
  { draft, input }: { readonly draft: Draft; readonly input: Readonly<Record<string, unknown>> },
  actor: Actor,
): Promise<{ readonly status: number; readonly body: PostingAnswer }> {
  const valueCents = Math.abs(owedBy(draft.entries));
  if (valueCents <= core.secondApprovalCents) {
    return { status: 201, body: { outcome: 'posted', id: await post(trx, draft, actor) } };
  }
  const { kind, practiceId, currency, reason, at } = draft;
  const { id } = await requestApproval(
    trx,
    { kind, practiceId, input, valueCents, currency, reason },
    actor,
    at,
  );
  return { status: 202, body: { outcome: 'approval_requested', id } };
}

const postingInputSchema = z.object({
  kind: z.enum(postingKinds),
  amountCents: z.number(),
  day: z.string().optional(),
});
const reversalInputSchema = z.object({ reverses: z.string() });

/** Posts what a second person has approved. */
export async function executePosting(_core: Core, trx: Trx, approved: Approved) {
  const { practiceId, input } = approved.approval;
  const posting = { practiceId, ...postingInputSchema.parse(input) };
  return postApproved(trx, await draftPosting(trx, posting, requested(approved)), approved);
}

/** Reverses what a second person has approved to be reversed. */
export async function executeReversal(_core: Core, trx: Trx, approved: Approved) {
  const { reverses } = reversalInputSchema.parse(approved.approval.input);
  return postApproved(trx, await draftReversal(trx, reverses, requested(approved)), approved);
}

const requested = ({ approval, at }: Approved): Authorship => ({
  reason: approval.reason,
  author: approval.requestedBy.name,
  at,
});

async function postApproved(trx: Trx, draft: Draft, { approval, approver }: Approved) {
  const approved = { ...draft, approvedBy: approver.name, sourceKey: `approval:${approval.id}` };
  return { ledgerTransactionId: await post(trx, approved, approver) };
}
