import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Actor } from '../../../lib/domain/access.ts';
import { DomainError } from '../../../lib/domain/errors.ts';
import { auditDenial, authenticateToken } from '../../../lib/use-cases/authenticate-token.ts';
import type { Core } from '../../../lib/use-cases/core.ts';
import { type Access, accessTable } from '../../access.ts';
import { clientOf, tooManyRequests } from '../external/rate-limit.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks: set before any handler runs; null only on routes that nobody is asked on. */
    actor: Actor | null;
  }
}

/** The documentation page registers its own files; all of them are public. */
const documentation = /^(GET|HEAD) \/docs(\/|$)/;

/** The actor of a request that passed the access table. */
export function actorOf(request: FastifyRequest): Actor {
  if (request.actor === null) throw new Error(`no actor on ${request.method} ${request.routeOptions.url}`);
  return request.actor;
}

/**
 * Holds every route to the access table. A route that the table lacks cannot be registered, and the application does
 * not become ready while a row of the table has no route.
 */
export function requireAccess(app: FastifyInstance, core: Core, failedSignInsPerMinute: number): void {
  const registered = new Set<string>();
  app.decorateRequest('actor', null);
  app.addHook('onRoute', (route) => {
    for (const name of namesOf(route)) {
      registered.add(name);
      if (accessOf(name) === undefined) throw new Error(`${name} has no row in control-api/access.ts`);
    }
  });
  app.addHook('onReady', async () => {
    const missing = Object.keys(accessTable).filter((name) => !registered.has(name));
    if (missing.length > 0) throw new Error(`control-api/access.ts names no route: ${missing.join(', ')}`);
  });

  const failures = app.createRateLimit({
    max: failedSignInsPerMinute,
    timeWindow: 60_000,
    keyGenerator: clientOf,
  });
  app.addHook('onRequest', async (request, reply) => {
    // An unknown route is answered as such to anybody.
    if (request.is404) return;
    const name = `${request.method} ${request.routeOptions.url}`;
    const access = accessOf(name);
    if (access === undefined) throw new Error(`${name} has no row in control-api/access.ts`);
    if (access === 'public') {
      request.actor = { id: 'public', name: 'public', roles: [], requestId: request.id };
      return;
    }
    await refuseAfterFailures(request, reply, failures, false);
    request.actor = await signIn(request, reply, core, failures);
    await requireRole(core, request.actor, access, name);
  });
}

type Limiter = ReturnType<FastifyInstance['createRateLimit']>;

async function signIn(
  request: FastifyRequest,
  reply: FastifyReply,
  core: Core,
  failures: Limiter,
): Promise<Actor> {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  try {
    if (token === undefined) {
      throw new DomainError('unauthenticated', 'Send a token as "Authorization: Bearer lum_…".');
    }
    return await authenticateToken(core, token, request.id);
  } catch (error) {
    if (error instanceof DomainError && error.code === 'unauthenticated') {
      await refuseAfterFailures(request, reply, failures, true);
      // RFC 6750, section 3: no error code when no token was sent.
      reply.header(
        'www-authenticate',
        token === undefined
          ? 'Bearer realm="lumenality"'
          : 'Bearer realm="lumenality", error="invalid_token"',
      );
    }
    throw error;
  }
}

/** An address that keeps failing is refused before its token is looked at: guessing costs the database nothing. */
async function refuseAfterFailures(
  request: FastifyRequest,
  reply: FastifyReply,
  failures: Limiter,
  increment: boolean,
): Promise<void> {
  const count = await failures(request, { increment });
  if (count.isAllowed || !count.isExceeded) return;
  reply.header('retry-after', count.ttlInSeconds);
  throw tooManyRequests(count.ttlInSeconds);
}

async function requireRole(
  core: Core,
  actor: Actor,
  access: Exclude<Access, 'public'>,
  route: string,
): Promise<void> {
  if (access.some((role) => actor.roles.includes(role))) return;
  await auditDenial(core, actor, route);
  throw new DomainError('forbidden', `This takes a token with one of the roles ${access.join(', ')}.`);
}

function accessOf(name: string): Access | undefined {
  return documentation.test(name) ? 'public' : accessTable[name];
}

function namesOf(route: RouteOptions): string[] {
  return [route.method].flat().map((method) => `${method} ${route.url}`);
}
