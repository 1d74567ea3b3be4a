import type { Config } from '../lib/config.ts';
import type { Warning } from '../lib/use-cases/check-readiness.ts';

/** What a configuration can do, and nobody means. */
export function warningsOf({ cloud, mail, stripe, stripeWebhookSecret }: Config): Warning[] {
  const warnings: Warning[] = [];
  if (cloud.kind === 'aws' && mail.server === undefined) {
    warnings.push({
      part: 'mails',
      found: 'no practice gets any: they are files in the data directory of whichever process writes them',
      advice: 'Set LUMENALITY_SMTP_URL and LUMENALITY_MAIL_FROM (docs/notices.md).',
    });
  }
  if (stripe !== undefined && stripeWebhookSecret === undefined) {
    warnings.push({
      part: 'payments',
      found: 'Stripe collects invoices, and nobody here hears what was paid',
      advice: 'Set LUMENALITY_STRIPE_WEBHOOK_SECRET (docs/plans.md, Export).',
    });
  }
  return warnings;
}

/** Writes them into the log, for whoever starts a process. */
export function warn(config: Config, log: { warn(message: string): void }): void {
  for (const { part, found, advice } of warningsOf(config)) log.warn(`${part}: ${found}. ${advice}`);
}
