import type { Database } from '../../lib/db/database.ts';
import {
  addFact,
  factsOf,
  insertSubscription,
  lockSubscription,
  readSubscription,
} from '../../lib/db/subscription-store.ts';
import type { SubscriptionFact } from '../../lib/domain/plan/facts.ts';
import { stateOn } from '../../lib/domain/plan/state.ts';
import { signTerms } from '../../lib/domain/plan/terms-signature.ts';
import { timelineOf } from '../../lib/domain/plan/timeline.ts';
import { openTestDatabase } from '../builders/database.ts';
import { enrolment, foundingTerms, toStandard } from '../builders/plan-terms.ts';
import { approvedPractice } from '../builders/runs.ts';
import { testTermsSigner } from '../builders/terms-signer.ts';

const at = new Date('2026-12-20T12:00:00Z');
const recording = { actor: 'token:test', reason: null, at };

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

async function subscribed(id: string): Promise<void> {
  const { signUp, practice } = approvedPractice(id, at);
  const enrolled = enrolment();
  const statement = {
    practice: id,
    plan: 'founding',
    planVersion: 1,
    from: enrolled.on,
    terms: foundingTerms,
  };
  await database.db.transaction().execute(async (trx) => {
    await trx.insertInto('sign_up').values(signUp).execute();
    await trx.insertInto('practice').values(practice).execute();
    const signature = signTerms(statement, testTermsSigner);
    await insertSubscription(
      trx,
      { practiceId: id, timeZone: practice.time_zone, enrolled },
      { ...recording, signature },
    );
  });
}

const add = (id: string, fact: SubscriptionFact) =>
  database.db.transaction().execute(async (trx) => {
    const subscription = await lockSubscription(trx, id);
    if (subscription === undefined) throw new Error(`no subscription ${id}`);
    return addFact(trx, subscription, fact, recording);
  });

test('what stands in a subscription is what its facts come to, after each of them', async () => {
  const id = 'stored';
  await subscribed(id);
  const facts: SubscriptionFact[] = [
    { kind: 'activated', on: '2026-12-01' },
    { kind: 'quantities', from: '2026-12-10', clinicians: 7, locations: 2 },
    { kind: 'trial_extended', days: 10 },
    { kind: 'lock_extended', months: 3 },
    { kind: 'suspended', from: '2026-12-15' },
    { kind: 'resumed', from: '2026-12-18' },
    toStandard('2027-04-11'),
    { kind: 'ends', from: '2027-06-01' },
    { kind: 'ends', from: null },
    { kind: 'ends', from: '2026-12-20' },
  ];
  for (const [place, fact] of facts.entries()) {
    const { timeline: answered } = await add(id, fact);
    const timeline = timelineOf(await factsOf(database.db, id));
    expect(answered).toEqual(timeline);
    const plan = timeline.plans.at(-1);
    expect(await readSubscription(database.db, id)).toMatchObject({
      planId: plan?.planId,
      terms: plan?.terms,
      planVersion: timeline.rates.at(-1)?.planVersion,
      chargedFrom: timeline.chargedFrom,
      lockedUntil: timeline.lockedUntil,
      endsOn: timeline.endsOn,
      state: stateOn('pending', timeline, '2026-12-20'),
      nextDueAt: at,
      revision: place + 2,
    });
  }
  expect(await readSubscription(database.db, id)).toMatchObject({ planId: 'standard', state: 'cancelled' });
});

test('of facts at the same moment none is lost', async () => {
  await subscribed('busy');
  await add('busy', { kind: 'activated', on: '2026-12-01' });
  await Promise.all(Array.from({ length: 8 }, () => add('busy', { kind: 'trial_extended', days: 1 })));
  const facts = await factsOf(database.db, 'busy');
  expect(facts.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(await readSubscription(database.db, 'busy')).toMatchObject({
    chargedFrom: '2027-03-09',
    revision: 10,
  });
});
