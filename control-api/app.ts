import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { type AppDeps, defaultLimits } from './deps.ts';
import { requireAccess } from './plugins/app/auth.ts';
import { measure } from './plugins/app/metrics.ts';
import { answerWithProblems, sendProblem } from './plugins/app/problems.ts';
import { answerWithRequestId, requestIdOf } from './plugins/app/request-id.ts';
import { logRequests } from './plugins/app/request-log.ts';
import { refuseUnstorableText } from './plugins/app/storable-text.ts';
import { registerApiDocuments } from './plugins/external/api-documents.ts';
import { registerRateLimit } from './plugins/external/rate-limit.ts';
import { registerSecurityHeaders } from './plugins/external/security-headers.ts';
import { calendarRoutes } from './routes/calendars.ts';
import { cellRoutes } from './routes/cells.ts';
import { chargeRoutes } from './routes/charges.ts';
import { ciRoutes } from './routes/ci.ts';
import { costRoutes } from './routes/cost.ts';
import { driftRoutes } from './routes/drift.ts';
import { fleetRoutes } from './routes/fleet.ts';
import { freezeRoutes } from './routes/freezes.ts';
import { ledgerRoutes } from './routes/ledger.ts';
import { lifeCycleRoutes } from './routes/life-cycle.ts';
import { noticeRoutes } from './routes/notices.ts';
import { operationsRoutes } from './routes/operations.ts';
import { orphanRoutes } from './routes/orphans.ts';
import { ownerInvitationRoutes } from './routes/owner-invitations.ts';
import { paymentEventRoutes } from './routes/payment-events.ts';
import { planReportRoutes } from './routes/plan-reports.ts';
import { planRoutes } from './routes/plans.ts';
import { practiceChangeRoutes } from './routes/practice-changes.ts';
import { practiceRoutes } from './routes/practices.ts';
import { recordRoutes } from './routes/records.ts';
import { releaseRoutes } from './routes/releases.ts';
import { rolloutControlRoutes } from './routes/rollout-control.ts';
import { rolloutRoutes } from './routes/rollouts.ts';
import { runRoutes } from './routes/runs.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { signUpRoutes } from './routes/sign-ups.ts';
import { statementRoutes } from './routes/statements.ts';
import { subscriptionApprovalRoutes } from './routes/subscription-approvals.ts';
import { subscriptionChangeRoutes } from './routes/subscription-changes.ts';
import { subscriptionNoticeRoutes } from './routes/subscription-notices.ts';
import { subscriptionRoutes } from './routes/subscriptions.ts';
import { tokenRoutes } from './routes/tokens.ts';

export type { AppDeps } from './deps.ts';

const mebibyte = 1024 * 1024;

/**
 * Builds the control API, ready to listen or to be injected into. It does not listen by itself.
 * @throws Error when a route and the access table do not match.
 */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const limits = { ...defaultLimits, ...deps.limits };
  const loggerInstance: FastifyBaseLogger = deps.log;
  const app = Fastify({
    loggerInstance,
    // One line an answer is written by logRequests.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    // A path that cannot be decoded never reaches the router or its error handler.
    frameworkErrors: (error, request, reply) => {
      void sendProblem(error, request, reply);
    },
    bodyLimit: mebibyte,
    requestTimeout: 30_000,
    exposeHeadRoutes: false,
    trustProxy: deps.trustProxy ?? false,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  // JSON is the only form in which anything is taken.
  app.removeContentTypeParser('text/plain');

  answerWithProblems(app);
  answerWithRequestId(app);
  logRequests(app);
  const metrics = measure(app);
  await registerSecurityHeaders(app);
  await registerRateLimit(app, limits);
  requireAccess(app, deps.core, limits.failedSignInsPerMinute);
  refuseUnstorableText(app);
  await registerApiDocuments(app, deps.version);

  signUpRoutes(app, deps, limits);
  practiceRoutes(app, deps);
  practiceChangeRoutes(app, deps);
  lifeCycleRoutes(app, deps);
  cellRoutes(app, deps);
  costRoutes(app, deps);
  orphanRoutes(app, deps);
  ownerInvitationRoutes(app, deps);
  driftRoutes(app, deps);
  scheduleRoutes(app, deps);
  freezeRoutes(app, deps);
  calendarRoutes(app, deps);
  runRoutes(app, deps, limits);
  recordRoutes(app, deps);
  planRoutes(app, deps);
  planReportRoutes(app, deps);
  subscriptionRoutes(app, deps);
  subscriptionChangeRoutes(app, deps);
  subscriptionNoticeRoutes(app, deps);
  rolloutRoutes(app, deps);
  releaseRoutes(app, deps);
  rolloutControlRoutes(app, deps);
  fleetRoutes(app, deps);
  ledgerRoutes(app, deps);
  statementRoutes(app, deps);
  chargeRoutes(app, deps);
  paymentEventRoutes(app, deps);
  subscriptionApprovalRoutes(app, deps);
  tokenRoutes(app, deps);
  ciRoutes(app, deps, limits);
  noticeRoutes(app, deps);
  operationsRoutes(app, deps, metrics);
  await app.ready();
  return app;
}
