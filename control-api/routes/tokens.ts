import { z } from 'zod';
import { createToken, listTokens, revokeToken } from '../../lib/use-cases/tokens.ts';
import { pageQuerySchema } from '../contracts/common.ts';
import { createdTokenSchema, meSchema, tokenPageSchema, tokenRequestSchema } from '../contracts/tokens.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema } from '../plugins/app/idempotency.ts';
import { toPage, toToken } from '../serialise.ts';
import { type Routes, slugParams } from './types.ts';

export function tokenRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/me',
    schema: { summary: 'Who is asking', tags: ['access'], response: { 200: meSchema } },
    handler: async (request) => {
      const { id, name, roles } = actorOf(request);
      return { id, name, roles: [...roles] };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/tokens',
    schema: {
      summary: 'List tokens, newest first',
      tags: ['access'],
      querystring: pageQuerySchema,
      response: { 200: tokenPageSchema },
    },
    handler: async (request) => toPage(await listTokens(core, request.query), toToken),
  });

  app.route({
    method: 'POST',
    url: '/v1/tokens',
    schema: {
      summary: 'Create a token',
      description:
        'The answer is the only place that ever shows the token. It gives no role that the caller lacks. A repeat with the same Idempotency-Key cannot show it again and is refused with 409.',
      tags: ['access'],
      headers: idempotencyHeadersSchema,
      body: tokenRequestSchema.meta({
        examples: [{ name: 'night shift', roles: ['viewer', 'operator'], expiresInDays: 30 }],
      }),
      response: { 201: createdTokenSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const { row, token } = await createToken(core, request.body, call, actorOf(request));
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...toToken(row), token });
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/tokens/:id',
    schema: {
      summary: 'Revoke a token at once',
      tags: ['access'],
      params: slugParams,
      response: { 204: z.null().describe('Revoked, now or before') },
    },
    handler: async (request, reply) => {
      await revokeToken(core, request.params.id, actorOf(request));
      return reply.code(204).send(null);
    },
  });
}
