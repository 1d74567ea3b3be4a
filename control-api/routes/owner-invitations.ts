import {
  inviteOwner,
  readOwnerInvitation,
  revokeOwnerInvitation,
} from '../../lib/use-cases/owner-invitation.ts';
import {
  changedOwnerInvitationSchema,
  ownerInvitationRequestSchema,
  ownerInvitationSchema,
} from '../contracts/owner-invitation.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { type Routes, slugParams } from './types.ts';

const url = '/v1/practices/:id/owner-invitation';

/** Who may become a practice's first owner, by a one-time link that the control plane never sees. */
export function ownerInvitationRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url,
    schema: {
      summary: "Read who is invited to be the practice's first owner",
      tags: ['practices'],
      params: slugParams,
      response: { 200: ownerInvitationSchema },
    },
    handler: async (request) => readOwnerInvitation(core, request.params.id),
  });

  app.route({
    method: 'POST',
    url,
    schema: {
      summary:
        "Invite the practice's first owner, or one who lost access, in place of whoever was invited before",
      description:
        'The link is made by the caller (`<url>/invitation#<token>`, 32 random bytes in base64url); only the SHA-256 of its token comes here. It works for 7 days, once: while the practice has no owner it makes the first one, afterwards it lets in the owner with this e-mail address who has lost password or authenticator, and nobody else.',
      tags: ['practices', 'runs'],
      params: slugParams,
      headers: idempotencyHeadersSchema,
      body: ownerInvitationRequestSchema.meta({
        examples: [{ tokenSha256: '0'.repeat(64), reason: 'The first link was lost' }],
      }),
      response: { 202: changedOwnerInvitationSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const asked = { practiceId: request.params.id, ...request.body };
      const answer = await inviteOwner(core, asked, call, actorOf(request));
      markReplay(reply, answer);
      return reply.code(202).header('location', `/v1/runs/${answer.body.runId}`).send(answer.body);
    },
  });

  app.route({
    method: 'DELETE',
    url,
    schema: {
      summary: "Take the invitation of the practice's first owner back",
      tags: ['practices', 'runs'],
      params: slugParams,
      response: { 202: changedOwnerInvitationSchema },
    },
    handler: async (request, reply) => {
      const answer = await revokeOwnerInvitation(core, request.params.id, actorOf(request));
      return reply.code(202).header('location', `/v1/runs/${answer.runId}`).send(answer);
    },
  });
}
