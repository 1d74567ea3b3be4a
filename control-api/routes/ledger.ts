import type { FastifyReply } from 'fastify';
import type { OnceAnswer } from '../../lib/use-cases/answer-once.ts';
import {
  type PostingAnswer,
  readLedger,
  readLedgerTransaction,
  requestPosting,
  requestReversal,
} from '../../lib/use-cases/ledger.ts';
import { readApproval } from '../../lib/use-cases/subscription-approvals.ts';
import { pageQuerySchema, reasonSchema } from '../contracts/common.ts';
import {
  adjustmentRequestSchema,
  creditRequestSchema,
  ledgerPageSchema,
  ledgerTransactionSchema,
  paymentRequestSchema,
} from '../contracts/ledger.ts';
import { approvalSchema } from '../contracts/subscription-approvals.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { setRevision } from '../plugins/app/revision.ts';
import { toPage } from '../serialise.ts';
import { toApproval, toLedgerTransaction } from '../serialise-ledger.ts';
import { type Routes, slugParams, uuidParams } from './types.ts';

const tags = ['ledger'];
const description =
  'Posted at once, or, worth more than the amount that one person may decide, asked of a second person: answered with 202 and the request for approval.';
const response = {
  201: ledgerTransactionSchema.describe('Posted'),
  202: approvalSchema.describe('To be approved by a second person'),
};

/** What a person posts: which route takes what. */
const postings = [
  {
    kind: 'credit',
    summary: 'Give a practice a credit: it owes less',
    body: creditRequestSchema.meta({
      examples: [{ amountCents: 2_900, reason: 'Half a day without access on 3 March' }],
    }),
  },
  {
    kind: 'adjustment',
    summary: 'Adjust what a practice owes, up or down',
    body: adjustmentRequestSchema.meta({
      examples: [{ amountCents: -1_900, reason: 'The second location was open until 1 March only' }],
    }),
  },
  {
    kind: 'payment',
    summary: 'Note that a practice has paid',
    body: paymentRequestSchema.meta({
      examples: [{ amountCents: 14_900, day: '2027-04-01', reason: 'Cheque 1042' }],
    }),
  },
] as const;

/** What practices owe, and how they came to. Nothing in it is ever changed: what was wrong is reversed. */
export function ledgerRoutes(app: Routes, { core }: AppDeps): void {
  const answerWith = async (reply: FastifyReply, answer: OnceAnswer<PostingAnswer>) => {
    markReplay(reply, answer);
    const { outcome, id } = answer.body;
    if (outcome === 'posted') {
      return reply.code(201).send(toLedgerTransaction(await readLedgerTransaction(core, id)));
    }
    const approval = await readApproval(core, id);
    setRevision(reply, approval.revision);
    return reply.code(202).send(toApproval(approval, core.clock.now()));
  };

  app.route({
    method: 'GET',
    url: '/v1/practices/:id/ledger',
    schema: {
      summary: "A practice's ledger, newest first, and what it owes",
      tags,
      params: slugParams,
      querystring: pageQuerySchema,
      response: { 200: ledgerPageSchema },
    },
    handler: async (request) => {
      const page = await readLedger(core, { ...request.query, practiceId: request.params.id });
      const { balanceCents, currency } = page;
      return { ...toPage(page, toLedgerTransaction), balanceCents, currency };
    },
  });

  for (const { kind, summary, body } of postings) {
    app.route({
      method: 'POST',
      url: `/v1/practices/:id/ledger/${kind}s`,
      schema: {
        summary,
        description,
        tags,
        params: slugParams,
        headers: idempotencyHeadersSchema,
        body,
        response,
      },
      handler: async (request, reply) => {
        const asked = { ...request.body, kind, practiceId: request.params.id };
        const call = { idempotencyKey: request.headers['idempotency-key'] };
        return answerWith(reply, await requestPosting(core, asked, call, actorOf(request)));
      },
    });
  }

  app.route({
    method: 'POST',
    url: '/v1/ledger/:id/reversal',
    schema: {
      summary: 'Reverse a ledger transaction, once',
      description: `Posts its mirror image, as of today; the transaction itself stays. ${description}`,
      tags,
      params: uuidParams,
      headers: idempotencyHeadersSchema,
      body: reasonSchema.meta({ examples: [{ reason: 'The cheque came back' }] }),
      response,
    },
    handler: async (request, reply) => {
      const asked = { id: request.params.id, reason: request.body.reason };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return answerWith(reply, await requestReversal(core, asked, call, actorOf(request)));
    },
  });
}
