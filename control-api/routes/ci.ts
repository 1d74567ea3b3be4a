import { exchangeIdToken, renewCiToken } from '../../lib/use-cases/ci-token.ts';
import { idTokenRequestSchema } from '../contracts/ci.ts';
import { createdTokenSchema } from '../contracts/tokens.ts';
import type { AppDeps, Limits } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { toToken } from '../serialise.ts';
import type { Routes } from './types.ts';

/** ID tokens of GitHub and GitLab have about 2 KiB. */
const idTokenBytes = 16 * 1024;

export function ciRoutes(app: Routes, { core, ci }: AppDeps, limits: Limits): void {
  app.route({
    method: 'POST',
    url: '/v1/ci/token',
    bodyLimit: idTokenBytes,
    config: { rateLimit: { max: limits.signUpsPerMinute, timeWindow: 60_000 } },
    schema: {
      summary: "Exchange a pipeline's ID token for an API token",
      description:
        'The ID token (OpenID Connect) is the credential: of a trusted issuer, for the configured audience, with claims that the allow-list takes. The API token has the role `ci` and lives 15 minutes. Each ID token is good for one exchange; after a lost answer ask the CI system for another.',
      tags: ['access'],
      body: idTokenRequestSchema.meta({
        examples: [{ token: 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIuLi4ifQ.c2ln' }],
      }),
      response: { 201: createdTokenSchema },
    },
    handler: async (request, reply) => {
      const { row, token } = await exchangeIdToken(core, ci, request.body.token, actorOf(request));
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...toToken(row), token });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/ci/token/renew',
    schema: {
      summary: 'Take another token for a job that goes on',
      description:
        'For jobs that have one ID token only, as on GitLab: possible for as long as that would be valid. The token that asks lives out its time and cannot be renewed again.',
      tags: ['access'],
      response: { 201: createdTokenSchema },
    },
    handler: async (request, reply) => {
      const { row, token } = await renewCiToken(core, ci, actorOf(request));
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...toToken(row), token });
    },
  });
}
