import { type Check, checks, type Finding } from './checks.ts';
import { examine } from './findings.ts';
import { type Api, readPlans, readPractices, readSubscription } from './read-record.ts';

/** Subscriptions that are read at the same time. */
const width = 4;

/** Reads all subscriptions of a control plane and holds each against the terms, as of a time. */
export async function checkSubscriptions(api: Api, now: Date) {
  const plans = await readPlans(api);
  const practices = await readPractices(api);
  const findings: Finding[] = [];
  const totals = { subscriptions: 0, periods: 0, charges: 0, chargedCents: 0, transactions: 0, notices: 0 };
  const waiting = [...practices];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const record = await readSubscription(api, next);
      const { findings: found, periods, lines } = examine(record, plans, now);
      findings.push(...found);
      totals.subscriptions += 1;
      totals.periods += periods;
      totals.charges += lines.length;
      totals.chargedCents += lines.reduce((sum, { amountCents }) => sum + amountCents, 0);
      totals.transactions += record.transactions.length;
      totals.notices += record.notices.length;
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  const facts = Object.entries(checks).map(([name, words]) => ({
    check: name as Check,
    words,
    held: totals.subscriptions > 0 && !findings.some((finding) => finding.check === name),
  }));
  return { ok: facts.every(({ held }) => held), asOf: now.toISOString(), ...totals, facts, findings };
}
