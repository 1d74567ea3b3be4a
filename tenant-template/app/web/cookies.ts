import type { FastifyReply, FastifyRequest } from 'fastify';

/** `__Host-`: a browser takes it over HTTPS only, for this host and the whole of it, and from nobody else. */
const SESSION = '__Host-session';
/** Between the password and the code. */
const PENDING = '__Host-sign-in';
const OPTIONS = { path: '/', secure: true, httpOnly: true, sameSite: 'strict' } as const;

export function sessionOf(request: FastifyRequest): string | undefined {
  return request.cookies[SESSION];
}

export function pendingOf(request: FastifyRequest): string | undefined {
  return request.cookies[PENDING];
}

/** Without an expiry: gone with the browser, whatever the server still holds. */
export function giveSession(reply: FastifyReply, token: string): void {
  reply.clearCookie(PENDING, OPTIONS).setCookie(SESSION, token, OPTIONS);
}

export function givePending(reply: FastifyReply, token: string): void {
  reply.setCookie(PENDING, token, OPTIONS);
}

export function takeSession(reply: FastifyReply): void {
  reply.clearCookie(SESSION, OPTIONS);
}
