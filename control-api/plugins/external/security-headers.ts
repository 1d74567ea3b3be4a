import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

/** Headers for an API: nothing of it is ever framed, run or guessed at by a browser. The documentation page sets its own. */
export async function registerSecurityHeaders(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
  });
}
