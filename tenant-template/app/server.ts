import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Pool } from 'pg';
import { AuditTrail } from './audit.ts';
import type { Config } from './config.ts';
import type { FieldEncryption } from './field-encryption.ts';
import type { ListenerCertificate } from './listener-certificate.ts';
import type { Readiness } from './readiness.ts';
import { Clients } from './records/clients.ts';
import { Notes } from './records/notes.ts';
import { Account } from './staff/account.ts';
import { Enrolment } from './staff/enrolment.ts';
import { Invitations } from './staff/invitations.ts';
import type { PasswordHashing } from './staff/passwords.ts';
import { Sessions } from './staff/sessions.ts';
import { SignIn } from './staff/sign-in.ts';
import { SignInLimits } from './staff/sign-in-limits.ts';
import { StaffMembers } from './staff/staff-members.ts';
import { accountPages } from './web/account-pages.ts';
import { answerError, sendProblem } from './web/answers.ts';
import { api } from './web/api.ts';
import { INVITATION_SCRIPT, STYLESHEET } from './web/assets.ts';
import { guard } from './web/guard.ts';
import { recordPages } from './web/record-pages.ts';
import { signInPages } from './web/sign-in-pages.ts';
import { staffPages } from './web/staff-pages.ts';

/**
 * Nothing here is to be framed, cached or sniffed ("HTTP Headers Cheat Sheet", OWASP); a page opens its own policy as far
 * as it needs. The referrer is not cut off altogether, because a browser then sends no Origin with a form either.
 */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

export interface ServerParts {
  /** The server speaks TLS only, with this. */
  readonly certificate: ListenerCertificate;
  readonly config: Pick<
    Config,
    'practiceId' | 'releaseId' | 'keyArn' | 'sessionTimeoutMinutes' | 'ownerInvitation'
  >;
  readonly appVersion: string;
  readonly migration: number;
  readonly logger: FastifyBaseLogger;
  readonly readiness: () => Promise<Readiness>;
  /** Signed in as the role that requests run as. */
  readonly pool: Pool;
  readonly encryption: FieldEncryption;
  readonly passwords: PasswordHashing;
  readonly clock: () => Date;
}

export function buildServer(parts: ServerParts): FastifyInstance {
  const { certificate, config, pool, encryption, passwords, clock, logger } = parts;
  const server = fastify({
    loggerInstance: logger,
    https: { ...certificate, minVersion: 'TLSv1.2' },
    // The load balancer asks every few seconds; requests that fail are logged where they fail.
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    // The longest note, in a form that writes each byte of it as three characters.
    bodyLimit: 256 * 1024,
    exposeHeadRoutes: false,
    // The load balancer is the one hop before the app; it writes down the address it was asked from.
    trustProxy: (_address, hop) => hop === 0,
  });
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
  });
  server.setNotFoundHandler((request, reply) => sendProblem(request, reply, { status: 404 }));
  server.setErrorHandler(answerError);
  server.register(cookie);
  server.register(formbody);

  const audit = new AuditTrail(config.releaseId);
  const sessions = new Sessions(pool, config.sessionTimeoutMinutes, clock);
  const limits = new SignInLimits(pool, audit, clock);
  const signingIn = { pool, encryption, audit, passwords, limits, sessions, clock };
  const records = {
    pool,
    audit,
    clients: new Clients({ pool, encryption, audit, clock }),
    notes: new Notes({ pool, encryption, audit, clock }),
  };
  const staff = new StaffMembers({ pool, audit, sessions, clock });
  // In a scope of their own, so that cookies and forms are read before the guard looks.
  server.register(async (routes) => {
    guard(routes, pool, sessions, audit);
    health(routes, parts);
    assets(routes);
    signInPages(routes, {
      signIn: new SignIn(signingIn),
      enrolment: new Enrolment(signingIn, config.practiceId),
      invitations: new Invitations(signingIn, config.ownerInvitation),
    });
    accountPages(routes, new Account(signingIn));
    recordPages(routes, records);
    staffPages(routes, staff);
    api(routes, { ...records, staff });
  });
  return server;
}

/** docs/silo.md, "The app's environment". */
function health(server: FastifyInstance, { config, appVersion, migration, readiness }: ServerParts): void {
  const { practiceId, releaseId, keyArn } = config;
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
}

function assets(server: FastifyInstance): void {
  server.get('/assets/app.css', async (_request, reply) => reply.type('text/css').send(STYLESHEET));
  server.get('/assets/invitation.js', async (_request, reply) =>
    reply.type('text/javascript').send(INVITATION_SCRIPT),
  );
}
