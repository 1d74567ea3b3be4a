import type { Migration } from 'kysely/migration';
import * as signUpToSilo from './0001-sign-up-to-silo.ts';
import * as safeChanges from './0002-safe-changes.ts';
import * as drift from './0003-drift.ts';
import * as ownerInvitation from './0004-owner-invitation.ts';
import * as cells from './0005-cells.ts';
import * as callBudget from './0006-call-budget.ts';
import * as offboarding from './0007-offboarding.ts';
import * as schedules from './0008-schedules.ts';
import * as releases from './0009-releases.ts';
import * as rollouts from './0010-rollouts.ts';
import * as notices from './0011-notices.ts';
import * as ciExchange from './0012-ci-exchange.ts';
import * as plans from './0013-plans.ts';
import * as subscriptions from './0014-subscriptions.ts';
import * as ledger from './0015-ledger.ts';
import * as subscriptionLife from './0016-subscription-life.ts';
import * as rolloutLooks from './0017-rollout-looks.ts';
import * as complianceReports from './0018-compliance-reports.ts';
import * as rolloutReads from './0019-rollout-reads.ts';
import * as chargeExport from './0020-charge-export.ts';
import * as afterTheEnd from './0021-after-the-end.ts';
import * as stripeOwners from './0022-stripe-owners.ts';

/** Forward only, in the order of their numbers; a published migration never changes. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-sign-up-to-silo': signUpToSilo,
  '0002-safe-changes': safeChanges,
  '0003-drift': drift,
  '0004-owner-invitation': ownerInvitation,
  '0005-cells': cells,
  '0006-call-budget': callBudget,
  '0007-offboarding': offboarding,
  '0008-schedules': schedules,
  '0009-releases': releases,
  '0010-rollouts': rollouts,
  '0011-notices': notices,
  '0012-ci-exchange': ciExchange,
  '0013-plans': plans,
  '0014-subscriptions': subscriptions,
  '0015-ledger': ledger,
  '0016-subscription-life': subscriptionLife,
  '0017-rollout-looks': rolloutLooks,
  '0018-compliance-reports': complianceReports,
  '0019-rollout-reads': rolloutReads,
  '0020-charge-export': chargeExport,
  '0021-after-the-end': afterTheEnd,
  '0022-stripe-owners': stripeOwners,
};
