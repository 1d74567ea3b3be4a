import type { Command } from 'commander';
import { practicePageSchema } from '../../control-api/contracts/practices.ts';
import {
  factPageSchema,
  projectionSchema,
  type ShownFact,
  type ShownSubscription,
  subscriptionLinkSchema,
  subscriptionSchema,
} from '../../control-api/contracts/subscriptions.ts';
import { dayBefore } from './day.ts';
import { exitCodes } from './exit-codes.ts';
import { findPractice } from './find.ts';
import { ledgerCommands } from './ledger.ts';
import { type ListingOptions, listing, pageRequest, sayMore, wholeNumber } from './listing.ts';
import { money } from './money.ts';
import { act, type Invocation, type Session } from './session.ts';
import { approvalCommands } from './subscription-approvals.ts';
import { subscriptionChangeCommands } from './subscription-changes.ts';
import { subscriptionNoticeCommands } from './subscription-notices.ts';
import { fields, table } from './table.ts';

const which = 'id or name, or a unique start of either';

/** What practices have agreed to, and what became of it. */
export function subscriptionCommands(group: Command, invocation: Invocation): void {
  const show = group
    .command('show')
    .argument('<practice>', which)
    .description("Show a practice's subscription: plan, rates, lock, quantities");
  act(show, invocation, showSubscription);

  const facts = listing(
    group
      .command('facts')
      .argument('<practice>', which)
      .description('List what happened to a subscription, in the order in which it was recorded'),
  );
  act<ListingOptions>(facts, invocation, listFacts);

  const project = group
    .command('project')
    .argument('<practice>', which)
    .description('Show what a subscription will cost: what is locked, and what is assumed after the lock')
    .option('--months <number>', 'calendar months from today on', wholeNumber(1, 120), 24);
  act<{ months: number }>(project, invocation, showProjection);

  const link = group
    .command('link')
    .argument('<practice>', which)
    .description("Make a new address of the practice's own view; an older one stops")
    .option('--withdraw', 'take the address away instead');
  act<{ withdraw?: true }>(link, invocation, changeLink);

  const verify = group
    .command('verify')
    .argument('[practice]', `${which} (default: all practices)`)
    .description('Hold the terms on record against their signatures; ends with status 1 when one is not good')
    .addHelpText(
      'after',
      `
Examples:
  lumenality subscription verify sunrise-aba
  lumenality subscription verify --json`,
    );
  act(verify, invocation, verifySubscriptions);

  subscriptionChangeCommands(group, invocation);
  subscriptionNoticeCommands(group, invocation);
  ledgerCommands(group, invocation);
  approvalCommands(group, invocation);
}

async function readSubscription({ api }: Session, text: string): Promise<ShownSubscription> {
  const { id } = await findPractice(api, text);
  return api.get(`/v1/practices/${id}/subscription`, subscriptionSchema);
}

async function showSubscription(session: Session, _options: object, [text = '']: readonly string[]) {
  const { output } = session;
  const found = await readSubscription(session, text);
  output.document(found);
  const { plan, rates, currency, interval, quantities, signature, coming } = found;
  const price = (cents: number) => money(cents, currency);
  output.line(
    fields(output, [
      ['Practice', found.practiceId],
      ['Plan', `${plan.id}, version ${plan.version}`],
      ['State', found.state],
      [
        'Rates',
        `${price(rates.base)} a ${interval}, ${price(rates.perClinician)} a clinician, ${price(rates.perLocation)} a location`,
      ],
      ['Quantities', counted(quantities)],
      ['Enrolled', found.enrolledOn],
      ['Active since', found.activatedOn ?? 'not yet'],
      ['Charged from', found.chargedFrom ?? 'known once it is active'],
      ['Lock', lockOf(found)],
      [
        'Period',
        found.period === null
          ? 'none: today costs nothing'
          : `${found.period.from} to ${dayBefore(found.period.until)}`,
      ],
      ['Ends', found.endsOn === null ? 'no' : `after ${dayBefore(found.endsOn)}`],
      ['Terms', signature.objection ?? `signed, by key ${signature.keyIds.at(-1)?.slice(0, 16)}…`],
    ]),
  );
  if (coming.length === 0) return undefined;
  output.line();
  output.line(
    table(
      output,
      ['FROM', 'PLAN', 'BASE', 'CLINICIAN', 'LOCATION', 'QUANTITIES'],
      coming.map((each) => [
        each.from,
        `${each.plan.id} ${each.plan.version}`,
        price(each.rates.base),
        price(each.rates.perClinician),
        price(each.rates.perLocation),
        counted(each.quantities),
      ]),
    ),
  );
  return undefined;
}

const counted = ({ clinicians, locations }: ShownSubscription['quantities']): string =>
  `${clinicians} ${clinicians === 1 ? 'clinician' : 'clinicians'}, ${locations} ${locations === 1 ? 'location' : 'locations'}`;

function lockOf({ lockedUntil, locked, state, chargedFrom, coming, ...found }: ShownSubscription): string {
  if (lockedUntil === null) {
    return found.activatedOn === null && found.terms.lock.months > 0 ? 'known once it is active' : 'no lock';
  }
  const to = `to ${dayBefore(lockedUntil)}`;
  if (locked) return to;
  if (state === 'trialing') return `from ${chargedFrom} ${to}`;
  return coming.some(({ plan }) => plan.id !== found.plan.id)
    ? `with the next plan, ${to}`
    : `over, it was ${to}`;
}

async function listFacts({ api, output }: Session, options: ListingOptions, [text = '']: readonly string[]) {
  const { id } = await findPractice(api, text);
  const page = await api.list(`/v1/practices/${id}/subscription/facts`, factPageSchema, pageRequest(options));
  output.document(page);
  output.line(
    table(
      output,
      ['NO', 'RECORDED', 'FACT', 'BY', 'REASON'],
      page.items.map(({ seq, at, fact, actor, reason }) => [
        String(seq),
        at,
        wordsOf(fact),
        actor,
        reason ?? '-',
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

function wordsOf(fact: ShownFact['fact']): string {
  switch (fact.kind) {
    case 'enrolled':
      return `enrolled on ${fact.on} in ${fact.planId}, version ${fact.planVersion}: ${counted(fact.quantities)}`;
    case 'activated':
      return `active on ${fact.on}`;
    case 'quantities':
      return `${counted(fact)} from ${fact.from}`;
    case 'trial_extended':
      return `${fact.days} more free days`;
    case 'lock_extended':
      return `locked ${fact.months} months longer`;
    case 'rates':
      return `rates of version ${fact.planVersion} from ${fact.from}`;
    case 'plan':
      return `plan ${fact.planId}, version ${fact.planVersion}, from ${fact.from}`;
    case 'plan_withdrawn':
      return `no other plan from ${fact.from} after all`;
    case 'suspended':
      return `not charged from ${fact.from}`;
    case 'resumed':
      return `charged again from ${fact.from}`;
    case 'ends':
      return fact.from === null ? 'does not end after all' : `ends after ${dayBefore(fact.from)}`;
  }
}

async function showProjection(
  { api, output }: Session,
  { months }: { readonly months: number },
  [text = '']: readonly string[],
) {
  const { id } = await findPractice(api, text);
  const found = await api.get(`/v1/practices/${id}/subscription/projection`, projectionSchema, {
    query: { months },
  });
  output.document(found);
  const { currency, periods, totalCents, assumed } = found;
  if (periods.length === 0) {
    output.line('Nothing is charged in these months. Before activation see `lumenality plan preview`.');
    return undefined;
  }
  output.line(
    table(
      output,
      ['FROM', 'TO', 'RATES', 'AMOUNT'],
      periods.map(({ from, until, basis, totalCents: cents }) => [
        from,
        dayBefore(until),
        basis,
        money(cents, currency),
      ]),
    ),
  );
  output.line();
  output.line(`Together ${money(totalCents, currency)}.`);
  if (assumed !== null) {
    output.line(`From ${assumed.from} on the present price of version ${assumed.planVersion} is assumed.`);
  }
  return undefined;
}

async function changeLink(
  { api, output, confirm, url }: Session,
  { withdraw }: { readonly withdraw?: true },
  [text = '']: readonly string[],
) {
  const { id } = await findPractice(api, text);
  const path = `/v1/practices/${id}/subscription/link`;
  if (withdraw === true) {
    await confirm(`Take the address of the subscription of ${id} away?`);
    await api.delete(path);
    output.document({ practiceId: id, url: null });
    output.line('The address works no more.');
    return undefined;
  }
  await confirm(`Make a new address for the subscription of ${id}? An older one stops at once.`);
  const made = await api.post(path, subscriptionLinkSchema, {});
  const address = `${url}${made.path}`;
  output.document({ practiceId: made.practiceId, url: address });
  output.line(address);
  output.line('Whoever has this address can read the subscription; it is shown this once.');
  return undefined;
}

async function verifySubscriptions(session: Session, _options: object, [text]: readonly string[]) {
  const { api, output } = session;
  const found: ShownSubscription[] = [];
  if (text !== undefined) {
    found.push(await readSubscription(session, text));
  } else {
    const { items } = await api.list('/v1/practices', practicePageSchema, { limit: undefined });
    for (const { id } of items) {
      found.push(await api.get(`/v1/practices/${id}/subscription`, subscriptionSchema));
    }
  }
  const findings = found.map(({ practiceId, signature }) => ({ practiceId, ...signature }));
  output.document({ items: findings });
  output.line(
    table(
      output,
      ['PRACTICE', 'TERMS', 'KEYS'],
      findings.map(({ practiceId, objection, keyIds }) => [
        practiceId,
        objection ?? 'as they were signed',
        keyIds.map((keyId) => keyId.slice(0, 16)).join(', ') || '-',
      ]),
    ),
  );
  return findings.every(({ good }) => good) ? undefined : exitCodes.failed;
}
