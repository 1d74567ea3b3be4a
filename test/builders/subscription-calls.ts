import { subscriptionChangeSchema } from '../../control-api/contracts/subscription-changes.ts';
import { factsOf } from '../../lib/db/subscription-store.ts';
import type { NoticePorts } from '../../lib/ports/notice-ports.ts';
import { advanceDueSubscriptions } from '../../lib/reconcilers/advance-subscriptions.ts';
import { deliverDue } from '../../lib/reconcilers/deliver-notices.ts';
import { freshKey, startTestApi, type TestApi } from './api.ts';
import { billedPractice } from './billed-practice.ts';
import { publishTestRelease } from './database.ts';
import { testNoticePorts } from './notices.ts';
import { silent } from './runs.ts';

/** In the free period of practices that are activated on 22 November 2026 in Chicago, which ends on 20 February 2027. */
export const trial = new Date('2027-01-10T18:00:00Z');
/** In their third period, from 20 April 2027 on. */
export const charged = new Date('2027-05-10T18:00:00Z');

/** How the tests of a file change subscriptions, by an API of their own; it is in the practices' third period before each test. */
export function subscriptionCalls() {
  let api: TestApi;
  let release: string;
  /** The token of another plan administrator. */
  let second: string;
  beforeAll(async () => {
    api = await startTestApi();
    release = await publishTestRelease(api.database, 'b', api.clock.at);
    second = (await api.tokenWith(['plan_admin'], 300)).token;
  });
  beforeEach(() => {
    api.clock.at = charged;
  });
  afterAll(() => api.close());

  const notices = testNoticePorts();
  let serial = 0;
  /** Makes one that is active. */
  const practice = async () => {
    serial += 1;
    const { id } = await billedPractice(api.database, `oak-${serial}`);
    const active = { state: 'active', release_id: release, cell_id: 'main', activated_at: trial } as const;
    await api.database.db.updateTable('practice').set(active).where('id', '=', id).execute();
    return id;
  };
  const send = (id: string, verb: string, payload: object, headers: Record<string, string> = {}) =>
    api.call({
      method: 'POST',
      url: `/v1/practices/${id}/subscription/${verb}`,
      payload: { reason: 'asked for by the practice', ...payload },
      headers: { 'idempotency-key': freshKey(), ...headers },
    });
  const changed = async (id: string, verb: string, payload: object) => {
    const answer = await send(id, verb, payload);
    expect([answer.statusCode, answer.json()]).toEqual([
      expect.any(Number),
      expect.objectContaining({ practiceId: id }),
    ]);
    return subscriptionChangeSchema.parse(answer.json());
  };
  const lastFact = async (id: string) => (await factsOf(api.database.db, id)).at(-1);
  const itemsOf = async (url: string) => (await api.call({ method: 'GET', url })).json().items;
  const lastAudit = async (id: string, action: string) =>
    (await itemsOf(`/v1/audit?subjectType=subscription&subjectId=${id}&action=${action}`))[0];
  const told = (id: string) => itemsOf(`/v1/notices?practice=${id}`);
  const decide = (approvalId: string | null, verb: 'approve' | 'decline', token: string) =>
    api.call({
      method: 'POST',
      url: `/v1/subscription-approvals/${approvalId}/${verb}`,
      payload: verb === 'decline' ? { reason: 'not agreed' } : {},
      headers: { authorization: `Bearer ${token}` },
    });
  /** What the reconcilers do at the clock's time. */
  const timePasses = async (by: NoticePorts = notices): Promise<void> => {
    const parts = { db: api.database.db, clock: api.core.clock, log: silent };
    await advanceDueSubscriptions(parts);
    await deliverDue({ ...parts, notices: by });
  };
  return {
    get api() {
      return api;
    },
    get second() {
      return second;
    },
    notices,
    practice,
    send,
    changed,
    lastFact,
    lastAudit,
    told,
    decide,
    timePasses,
  };
}
