import type { Role } from '../lib/domain/access.ts';

/** Anybody, without a token; or a token with at least one of these roles. */
export type Access = 'public' | readonly [Role, ...Role[]];

const everyRole = ['viewer', 'operator', 'release_manager', 'plan_admin', 'security_admin', 'ci'] as const;
/** Sign-ups hold names, addresses and NPIs of people: release managers and pipelines have no need of them. */
const signUpReaders = ['viewer', 'operator', 'plan_admin', 'security_admin'] as const;
/** What practices have agreed to, owe and have paid is nothing that a pipeline or a release needs. */
const accountReaders = ['viewer', 'operator', 'plan_admin', 'security_admin'] as const;
const evidenceReaders = ['viewer', 'operator', 'release_manager', 'security_admin'] as const;
/** Plan administrators deal in terms: what runs do to silos is not theirs to follow. */
const runReaders = ['viewer', 'operator', 'release_manager', 'security_admin', 'ci'] as const;
/** Accounts and what is left in them: for those who place practices and those who answer for the accounts. */
const cellReaders = ['viewer', 'operator', 'security_admin'] as const;
/** The trail shows who did what to whom: for those who act on it, not for everyone who may look around. */
const auditReaders = ['security_admin', 'operator'] as const;

/**
 * Who may do what: the only place that says so. A registered route without a row here, or a row without a route,
 * stops the start-up. Roles do not include one another; a token that needs two carries two.
 */
export const accessTable: Readonly<Record<string, Access>> = {
  'POST /v1/signups': 'public',
  'GET /v1/signups': signUpReaders,
  'GET /v1/signups/:id': signUpReaders,
  'PUT /v1/signups/:id/agreement': ['operator'],
  'POST /v1/signups/:id/approve': ['operator'],
  'POST /v1/signups/:id/reject': ['operator'],

  'GET /v1/practices': everyRole,
  'GET /v1/practices/:id': everyRole,
  'GET /v1/practices/:id/runs': runReaders,
  'GET /v1/practices/:id/deployments': runReaders,
  'GET /v1/practices/:id/evidence': evidenceReaders,
  'POST /v1/practices/:id/deployments': ['operator', 'release_manager'],
  'GET /v1/practices/:id/settings': everyRole,
  'PUT /v1/practices/:id/settings': ['operator'],
  // Whoever follows a run sees what it was allowed to do; to allow it is for those who answer for the data.
  'GET /v1/practices/:id/change-overrides': evidenceReaders,
  'POST /v1/practices/:id/change-overrides': ['security_admin'],
  'DELETE /v1/practices/:id/change-overrides/:overrideId': ['security_admin'],
  'GET /v1/practices/:id/drift': evidenceReaders,
  'GET /v1/practices/:id/drift/history': evidenceReaders,
  'POST /v1/practices/:id/drift-checks': ['operator', 'security_admin'],
  'GET /v1/practices/:id/cost': everyRole,
  // It names a person's address, as a sign-up does.
  'GET /v1/practices/:id/owner-invitation': ['operator', 'security_admin'],
  'POST /v1/practices/:id/owner-invitation': ['operator'],
  'DELETE /v1/practices/:id/owner-invitation': ['operator'],
  'GET /v1/cost': everyRole,
  // To cut access off is also for those who answer for the data; to let people in again is the operators' to answer for.
  'POST /v1/practices/:id/suspend': ['operator', 'security_admin'],
  'POST /v1/practices/:id/resume': ['operator'],
  // An exit ends in the loss of all data: its beginning and its terms are a security administrator's, taking it back is not.
  'GET /v1/practices/:id/offboarding': everyRole,
  'POST /v1/practices/:id/offboard': ['security_admin'],
  'POST /v1/practices/:id/offboarding/cancel': ['operator', 'security_admin'],

  'GET /v1/practices/:id/schedule': everyRole,
  'PUT /v1/practices/:id/schedule': ['operator'],
  'PUT /v1/practices/:id/pin': ['operator'],
  'DELETE /v1/practices/:id/pin': ['operator'],
  'PUT /v1/practices/:id/deferral': ['operator'],
  'DELETE /v1/practices/:id/deferral': ['operator'],
  'GET /v1/practices/:id/maintenance-windows': everyRole,
  'POST /v1/practices/:id/calendar': ['operator'],
  // The key in the address is the right to read it: calendar programs bring no token.
  'GET /v1/calendars/:key.ics': 'public',
  'GET /v1/freezes': everyRole,
  'POST /v1/freezes': ['operator', 'release_manager', 'security_admin'],
  'DELETE /v1/freezes/:id': ['operator', 'release_manager', 'security_admin'],
  // It then holds against the deadline of a security release.
  'POST /v1/freezes/:id/renew': ['security_admin'],

  // What a practice has agreed to and pays is the plan administrators'.
  'GET /v1/practices/:id/subscription': accountReaders,
  'GET /v1/practices/:id/subscription/facts': accountReaders,
  'GET /v1/practices/:id/subscription/notices': accountReaders,
  'POST /v1/practices/:id/subscription/quantities': ['plan_admin'],
  'POST /v1/practices/:id/subscription/plan': ['plan_admin'],
  'DELETE /v1/practices/:id/subscription/plan': ['plan_admin'],
  'POST /v1/practices/:id/subscription/trial-extension': ['plan_admin'],
  'POST /v1/practices/:id/subscription/lock-extension': ['plan_admin'],
  'POST /v1/practices/:id/subscription/transfer': ['plan_admin'],
  'POST /v1/practices/:id/subscription/cancellation': ['plan_admin'],
  'DELETE /v1/practices/:id/subscription/cancellation': ['plan_admin'],
  'POST /v1/practices/:id/subscription/past-due': ['plan_admin'],
  'POST /v1/practices/:id/subscription/settlement': ['plan_admin'],
  'POST /v1/practices/:id/subscription/suspension': ['plan_admin'],
  'POST /v1/practices/:id/subscription/resumption': ['plan_admin'],
  'GET /v1/practices/:id/subscription/projection': accountReaders,
  'POST /v1/practices/:id/subscription/link': ['plan_admin', 'operator'],
  'DELETE /v1/practices/:id/subscription/link': ['plan_admin', 'operator'],
  // The key in the address is the right to read it, as of a calendar.
  'GET /v1/subscriptions/:key': 'public',
  // It names practices that have only signed up.
  'GET /v1/plans/:id/waiting-list': signUpReaders,

  'GET /v1/practices/:id/ledger': accountReaders,
  'GET /v1/practices/:id/statements': accountReaders,
  'GET /v1/practices/:id/statements/:from': accountReaders,
  'POST /v1/practices/:id/ledger/credits': ['plan_admin'],
  'POST /v1/practices/:id/ledger/adjustments': ['plan_admin'],
  'POST /v1/practices/:id/ledger/payments': ['plan_admin'],
  'POST /v1/ledger/:id/reversal': ['plan_admin'],
  'GET /v1/charges': accountReaders,
  'GET /v1/charge-exports': accountReaders,
  // The signature in its header is the right to call it.
  'POST /v1/stripe/webhook': 'public',
  // A transfer names people, as a sign-up does.
  'GET /v1/subscription-approvals': signUpReaders,
  'GET /v1/subscription-approvals/:id': signUpReaders,
  // By another token than the one that asked (lib/domain/subscription-approval.ts).
  'POST /v1/subscription-approvals/:id/approve': ['plan_admin'],
  'POST /v1/subscription-approvals/:id/decline': ['plan_admin'],

  'GET /v1/orphans': ['operator', 'security_admin'],
  'GET /v1/cells': cellReaders,
  'GET /v1/cells/:id': cellReaders,
  // It holds the external id, and whoever adds a cell decides which account is trusted.
  'GET /v1/cells/:id/set-up': ['security_admin'],
  'POST /v1/cells': ['security_admin'],
  'DELETE /v1/cells/:id': ['security_admin'],
  'POST /v1/cells/:id/activate': ['security_admin'],
  'POST /v1/cells/:id/drain': ['security_admin'],
  'PUT /v1/cells/:id/limits': ['security_admin'],

  'GET /v1/runs': runReaders,
  'GET /v1/runs/:id': runReaders,
  // Events tell the result of every check: whoever may not read evidence may not read it here.
  'GET /v1/runs/:id/events': evidenceReaders,
  'POST /v1/runs/:id/retry': ['operator'],
  'POST /v1/runs/:id/cancel': ['operator'],

  'GET /v1/fleet/versions': everyRole,
  'GET /v1/fleet/patch-latency': everyRole,

  'GET /v1/plans': everyRole,
  'GET /v1/plans/:id': everyRole,
  'POST /v1/plans': ['plan_admin'],
  'POST /v1/plans/:id/versions': ['plan_admin'],
  // To preview is to read.
  'POST /v1/plans/preview': everyRole,
  'GET /v1/plan-reports/members': accountReaders,
  'GET /v1/plan-reports/places': accountReaders,
  'GET /v1/plan-reports/revenue': accountReaders,
  'GET /v1/plan-reports/margin': accountReaders,
  'GET /v1/plan-reports/churn': accountReaders,
  'GET /v1/releases': everyRole,
  'GET /v1/releases/:id': everyRole,
  'GET /v1/releases/:id/compliance': everyRole,
  'POST /v1/releases': ['release_manager', 'ci'],
  // It makes change sets, and deletes them.
  'GET /v1/releases/:id/preview': ['operator', 'release_manager', 'security_admin', 'ci'],
  'POST /v1/releases/:id/halt': ['release_manager', 'security_admin'],
  'POST /v1/releases/:id/unhalt': ['release_manager', 'security_admin'],
  // To plan is to read; to begin is for those who publish.
  'POST /v1/rollouts/plan': ['release_manager', 'ci', 'operator'],
  'POST /v1/rollouts': ['release_manager', 'ci'],
  'GET /v1/rollouts': runReaders,
  'GET /v1/rollouts/:id': runReaders,
  'GET /v1/rollouts/:id/progress': runReaders,
  'GET /v1/rollouts/:id/targets': runReaders,
  'GET /v1/audit': auditReaders,

  // A pipeline steers what it has started; to stop is for whoever sees that something goes wrong.
  'POST /v1/rollouts/:id/start': ['ci', 'release_manager'],
  'POST /v1/rollouts/:id/pause': ['ci', 'release_manager', 'operator', 'security_admin'],
  'POST /v1/rollouts/:id/resume': ['ci', 'release_manager'],
  'POST /v1/rollouts/:id/abort': ['ci', 'release_manager'],
  // To go past a gate is for somebody who looks at it.
  'POST /v1/rollouts/:id/promote': ['release_manager'],
  'POST /v1/rollouts/:id/targets/:practiceId/retry': ['release_manager', 'operator'],
  'POST /v1/rollouts/:id/targets/:practiceId/skip': ['release_manager', 'operator'],

  // Deliveries name people's addresses, and an endpoint's URL may be a secret of its receiver.
  'GET /v1/notices': ['operator', 'security_admin'],
  'GET /v1/notices/:id': ['operator', 'security_admin'],
  'POST /v1/notices/:id/redeliver': ['operator'],
  'GET /v1/notice-endpoints': ['operator', 'security_admin'],
  'POST /v1/notice-endpoints': ['operator', 'security_admin'],
  'DELETE /v1/notice-endpoints/:id': ['operator', 'security_admin'],
  'POST /v1/notice-endpoints/:id/rotate-secret': ['operator', 'security_admin'],
  'POST /v1/notice-endpoints/:id/test': ['operator', 'security_admin'],
  'GET /v1/practices/:id/contacts': ['operator', 'security_admin'],
  'PUT /v1/practices/:id/contacts': ['operator'],

  // The ID token in the body is the right to call it.
  'POST /v1/ci/token': 'public',
  'POST /v1/ci/token/renew': ['ci'],
  'GET /v1/me': everyRole,
  'GET /v1/tokens': ['security_admin'],
  'POST /v1/tokens': ['security_admin'],
  'DELETE /v1/tokens/:id': ['security_admin'],

  // For load balancers and orchestrators, which carry no token; they name parts and show nothing of them.
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  // Counts tell how many practices there are: a scraper gets a viewer's token.
  'GET /metrics': ['viewer', 'operator', 'security_admin'],
  // The contract is no secret: it is what clients are written from.
  'GET /openapi.json': 'public',
};
