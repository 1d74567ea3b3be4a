import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  LogController,
} from 'fastify';
import type { Config } from './config.ts';
import type { Readiness } from './readiness.ts';

/** No page of this app is meant to run anything or to be framed, cached or sniffed ("HTTP Headers", OWASP). */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

interface ServerParts {
  readonly config: Pick<Config, 'practiceId' | 'releaseId' | 'keyArn'>;
  readonly appVersion: string;
  readonly migration: number;
  readonly logger: FastifyBaseLogger;
  readonly readiness: () => Promise<Readiness>;
}

export function buildServer({
  config,
  appVersion,
  migration,
  logger,
  readiness,
}: ServerParts): FastifyInstance {
  const { practiceId, releaseId, keyArn } = config;
  const server = fastify({
    loggerInstance: logger,
    // The load balancer asks every few seconds; requests that fail are logged where they fail.
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    bodyLimit: 1024 * 1024,
  });
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
  });
  server.setNotFoundHandler((_request, reply) => problem(reply, 404, 'Not Found'));
  server.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) request.log.error({ err: error }, 'request failed');
    return problem(reply, status, status >= 500 ? 'Internal Server Error' : 'Bad Request');
  });
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/version', async () => ({ practiceId, releaseId, appVersion, migration }));
  server.get('/readyz', async (request, reply) => {
    const state = await readiness();
    if (state.ready) {
      return { status: 'ready', practiceId, releaseId, database: state.database, key: { arn: keyArn } };
    }
    request.log.warn({ err: state.cause }, state.reason);
    return reply.code(503).send({ status: 'unready', practiceId, releaseId, reason: state.reason });
  });
  return server;
}

/** RFC 9457. */
function problem(reply: FastifyReply, status: number, title: string) {
  return reply.code(status).type('application/problem+json').send({ type: 'about:blank', title, status });
}
