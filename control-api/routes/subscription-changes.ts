import type { FastifyReply } from 'fastify';
import type { OnceAnswer } from '../../lib/use-cases/answer-once.ts';
import {
  cancelSubscription,
  changePlan,
  changeQuantities,
  keepSubscription,
  type SubscriptionReceipt,
  withdrawPlanChange,
} from '../../lib/use-cases/subscription-changes.ts';
import { extendLock, extendTrial } from '../../lib/use-cases/subscription-extensions.ts';
import {
  markPastDue,
  resumeSubscription,
  settle,
  suspendSubscription,
} from '../../lib/use-cases/subscription-payments.ts';
import { transferSubscription } from '../../lib/use-cases/subscription-transfer.ts';
import { reasonSchema } from '../contracts/common.ts';
import {
  lockExtensionSchema,
  pastDueSchema,
  planChangeSchema,
  quantitiesChangeSchema,
  type ShownChange,
  subscriptionCancellationSchema,
  subscriptionChangeSchema,
  subscriptionSuspensionSchema,
  transferSchema,
  trialExtensionSchema,
} from '../contracts/subscription-changes.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { signUpExample } from './examples.ts';
import { type Routes, slugParams } from './types.ts';

const base = '/v1/practices/:id/subscription';
const headers = idempotencyHeadersSchema.extend(revisionHeadersSchema.shape);
const changing = { tags: ['subscriptions'], params: slugParams, headers };
const changedAtOnce = { 200: subscriptionChangeSchema };
const approved = {
  ...changedAtOnce,
  202: subscriptionChangeSchema.describe(
    'Worth more than one person may give away: another has to approve it',
  ),
};
const begun = { ...changedAtOnce, 202: subscriptionChangeSchema.describe('A run was begun') };

/** The life of a subscription (docs/plans.md): what people change in it. */
export function subscriptionChangeRoutes(app: Routes, deps: AppDeps): void {
  termsRoutes(app, deps);
  extensionRoutes(app, deps);
  endRoutes(app, deps);
  paymentRoutes(app, deps);
}

function termsRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'POST',
    url: `${base}/quantities`,
    schema: {
      ...changing,
      summary: 'Change the number of clinicians or locations of a practice',
      description:
        'From any day of the present period or a later one. The unit rates stay; the period is charged in pieces. A change on a day that has one already takes its place.',
      body: quantitiesChangeSchema.meta({
        examples: [{ from: '2027-03-15', clinicians: 7, reason: 'A clinician has joined' }],
      }),
      response: changedAtOnce,
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return send(reply, await changeQuantities(core, change, call, actorOf(request)));
    },
  });

  app.route({
    method: 'POST',
    url: `${base}/plan`,
    schema: {
      ...changing,
      summary: 'Change the plan of a practice from the start of a period on',
      description:
        "Its place in the new plan is taken at once, the old one is free. The new plan's rates and lock begin on that day; there is no new free period. Until that day it can be taken back, and another plan can take its place.",
      body: planChangeSchema.meta({
        examples: [{ plan: 'standard', givesUpLock: true, reason: 'Asked for by the practice' }],
      }),
      response: changedAtOnce,
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return send(reply, await changePlan(core, change, call, actorOf(request)));
    },
  });

  app.route({
    method: 'DELETE',
    url: `${base}/plan`,
    schema: {
      ...changing,
      headers: revisionHeadersSchema,
      summary: 'Take a change of plan back that is still to come',
      description:
        'Plan, rates and lock go on as if it had not been asked for. Refused where its place in the plan was given to another, or others wait for it.',
      response: changedAtOnce,
    },
    handler: async (request, reply) => {
      const change = {
        practiceId: request.params.id,
        reason: 'the change of plan was taken back',
        revision: revisionsOf(request),
      };
      const receipt = await withdrawPlanChange(core, change, actorOf(request));
      setRevision(reply, receipt.revision);
      return toChange(receipt);
    },
  });
}

function extensionRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'POST',
    url: `${base}/trial-extension`,
    schema: {
      ...changing,
      summary: 'Make the free period of a practice longer',
      description:
        'Its value is what these days and those of earlier extensions would cost. Above the amount that one person may decide, another has to approve it.',
      body: trialExtensionSchema.meta({ examples: [{ days: 14, reason: 'Its training was postponed' }] }),
      response: approved,
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return send(reply, await extendTrial(core, change, call, actorOf(request)));
    },
  });

  app.route({
    method: 'POST',
    url: `${base}/lock-extension`,
    schema: {
      ...changing,
      summary: "Lock a practice's rate for longer",
      description:
        'Its value is what the practice saves in these months and those of earlier extensions, by the price that new members pay today. Above the amount that one person may decide, another has to approve it.',
      body: lockExtensionSchema.meta({ examples: [{ months: 6, reason: 'Made good for an outage' }] }),
      response: approved,
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return send(reply, await extendLock(core, change, call, actorOf(request)));
    },
  });

  app.route({
    method: 'POST',
    url: `${base}/transfer`,
    schema: {
      ...changing,
      summary: 'Hand a subscription to the new owner of a practice, once another person approves',
      description:
        'Plan, lock and free days go on. The new owner accepts the business associate agreement as its own, and its contact is told what the former contacts were told. Endpoints of the practice are removed, and the addresses of its own view and calendar stop.',
      body: transferSchema.meta({
        examples: [
          {
            legalName: 'Lakeside Therapy Group LLC',
            npi: '1245319599',
            contact: signUpExample.contact,
            agreement: signUpExample.agreement,
            reason: 'Acquired by Lakeside on 1 March',
          },
        ],
      }),
      response: { 202: subscriptionChangeSchema.describe('Another person has to approve it') },
    },
    handler: async (request, reply) => {
      const { reason, ...owner } = request.body;
      const change = { practiceId: request.params.id, owner, reason, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return send(reply, await transferSubscription(core, change, call, actorOf(request)));
    },
  });
}

function endRoutes(app: Routes, { core }: AppDeps): void {
  const url = `${base}/cancellation`;
  app.route({
    method: 'POST',
    url,
    schema: {
      ...changing,
      summary: 'Cancel a subscription from a day on',
      description:
        'Nothing is charged from that day on. In the free period any day will do; later the notice of the terms holds, which somebody may waive. The silo stays as it is: its end is an offboarding.',
      body: subscriptionCancellationSchema.meta({
        examples: [{ from: '2027-06-01', reason: 'The practice closes' }],
      }),
      response: changedAtOnce,
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return send(reply, await cancelSubscription(core, change, call, actorOf(request)));
    },
  });

  app.route({
    method: 'DELETE',
    url,
    schema: {
      ...changing,
      headers: revisionHeadersSchema,
      summary: 'Take a cancellation back, until its day',
      response: changedAtOnce,
    },
    handler: async (request, reply) => {
      const change = {
        practiceId: request.params.id,
        reason: 'the cancellation was taken back',
        revision: revisionsOf(request),
      };
      const receipt = await keepSubscription(core, change, actorOf(request));
      setRevision(reply, receipt.revision);
      return toChange(receipt);
    },
  });
}

function paymentRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'POST',
    url: `${base}/past-due`,
    schema: {
      ...changing,
      summary: 'Record that a payment of a practice is overdue',
      description: 'The practice is told. Nothing else comes of it by itself.',
      body: pastDueSchema.meta({ examples: [{ since: '2027-04-01', reason: 'The transfer did not come' }] }),
      response: changedAtOnce,
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return send(reply, await markPastDue(core, change, call, actorOf(request)));
    },
  });

  app.route({
    method: 'POST',
    url: `${base}/settlement`,
    schema: {
      ...changing,
      summary: 'Record that an overdue payment is settled',
      body: reasonSchema.meta({ examples: [{ reason: 'Paid on 20 April' }] }),
      response: changedAtOnce,
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return send(reply, await settle(core, change, call, actorOf(request)));
    },
  });

  app.route({
    method: 'POST',
    url: `${base}/suspension`,
    schema: {
      ...changing,
      summary: 'Block access to a practice whose payment is still overdue',
      description:
        "Only 14 days after the notice of it was sent. This cuts people off from a health record: it is a person's decision, and says which practice is meant. Days without access are not charged.",
      body: subscriptionSuspensionSchema.meta({
        examples: [{ confirm: 'sunrise-aba', reason: 'No answer to three reminders' }],
      }),
      response: begun,
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return send(reply, await suspendSubscription(core, change, call, actorOf(request)));
    },
  });

  app.route({
    method: 'POST',
    url: `${base}/resumption`,
    schema: {
      ...changing,
      summary: 'Give a practice its access back that was suspended for its payment',
      description:
        'The payment stays overdue until its settlement is recorded. Charges begin again tomorrow.',
      body: reasonSchema.meta({ examples: [{ reason: 'The practice pays in parts' }] }),
      response: begun,
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      return send(reply, await resumeSubscription(core, change, call, actorOf(request)));
    },
  });
}

function send(reply: FastifyReply, answer: OnceAnswer<SubscriptionReceipt>): FastifyReply {
  markReplay(reply, answer);
  const { revision, runId, approvalId } = answer.body;
  setRevision(reply, revision);
  if (runId !== null) reply.header('location', `/v1/runs/${runId}`);
  if (approvalId !== null) reply.header('location', `/v1/subscription-approvals/${approvalId}`);
  return reply.code(answer.status).send(toChange(answer.body));
}

function toChange(receipt: SubscriptionReceipt): ShownChange {
  const { practiceId, state, planId, planVersion, chargedFrom, lockedUntil, endsOn } = receipt;
  const plan = { id: planId, version: planVersion };
  const { runId, approvalId } = receipt;
  return { practiceId, state, plan, chargedFrom, lockedUntil, endsOn, runId, approvalId };
}
