import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { type Access, accessTable, may } from '../access.ts';
import type { Asker, AuditTrail } from '../audit.ts';
import { Refusal } from '../refusal.ts';
import type { Member, Sessions } from '../staff/sessions.ts';
import { sessionOf } from './cookies.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is signed in. */
    member: Member | undefined;
  }
}

/**
 * Stands before every route: holds requests of other sites off, finds out who asks, and asks the access table. Registers
 * routes only that the table knows, and all that it knows.
 */
export function guard(server: FastifyInstance, pool: Pool, sessions: Sessions, audit: AuditTrail): void {
  const registered = new Set<string>();
  server.decorateRequest('member', undefined);
  server.addHook('onRoute', ({ method, url }) => {
    for (const verb of [method].flat()) {
      const name = `${verb} ${url}`;
      if (accessTable[name] === undefined) throw new Error(`access.ts has no row for the route ${name}.`);
      registered.add(name);
    }
  });
  server.addHook('onReady', async () => {
    const missing = Object.keys(accessTable).filter((name) => !registered.has(name));
    if (missing.length > 0) throw new Error(`access.ts has rows without a route: ${missing.join(', ')}.`);
  });
  server.addHook('onRequest', async (request) => {
    refuseOtherSites(request);
    const { url } = request.routeOptions;
    if (url === undefined) return;
    const access = accessTable[`${request.method} ${url}`];
    if (access === 'public') return;
    const token = sessionOf(request);
    request.member = token === undefined ? undefined : await sessions.resume(token);
    if (request.member === undefined) throw new Refusal('signed-out', 'Sign in first.');
    if (allows(access, request.member)) return;
    await audit.record(pool, askerOf(request), {
      action: 'access.refused',
      details: { route: `${request.method} ${url}` },
    });
    throw new Refusal('forbidden', 'Your role does not allow this. Ask the owner of the practice.');
  });
}

function allows(access: Access | undefined, member: Member): boolean {
  if (access === undefined || access === 'public') return false;
  return access === 'signed-in' || may(member.role, access);
}

/**
 * Whatever changes something must come from a page of this host ("Cross-Site Request Forgery Prevention Cheat Sheet",
 * OWASP: verifying origin). Browsers send Origin with every such request; other programs have to.
 */
function refuseOtherSites(request: FastifyRequest): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const { origin, host } = request.headers;
  if (origin !== undefined && URL.canParse(origin) && new URL(origin).host === host) return;
  throw new Refusal(
    'forbidden',
    'The request does not come from a page of this practice (its Origin header names another host, or none).',
  );
}

/** @throws Error on a route that the table calls public. */
export function memberOf(request: FastifyRequest): Member {
  if (request.member === undefined) throw new Error(`${request.routeOptions.url} asks for no sign-in.`);
  return request.member;
}

export function askerOf(request: FastifyRequest): Asker {
  return { actor: memberOf(request).id, address: request.ip };
}
