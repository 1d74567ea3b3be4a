import { planSchema, planVersionSchema } from '../control-api/contracts/plans.ts';
import { practicePageSchema } from '../control-api/contracts/practices.ts';
import { approvalSchema } from '../control-api/contracts/subscription-approvals.ts';
import { subscriptionChangeSchema } from '../control-api/contracts/subscription-changes.ts';
import { waitingListSchema } from '../control-api/contracts/subscriptions.ts';
import { createdTokenSchema } from '../control-api/contracts/tokens.ts';
import { addDays, type Day, dayIn } from '../lib/domain/plan/day.ts';
import type { Rates } from '../lib/domain/plan/terms.ts';
import { ApiClient } from './commands/api-client.ts';
import { CommandError } from './commands/command-error.ts';
import type { Session } from './commands/session.ts';
import type { Asked, Posting } from './demo-plans-asked.ts';
import type { DailyControlPlane } from './demo-plans-control-plane.ts';
import { approve, cliniciansOf, npiOf, signUpMember, untilState } from './demo-plans-members.ts';

/** Where the story plays. */
export interface Stage {
  readonly session: Session;
  readonly controlPlane: DailyControlPlane;
  /** The first day, by UTC. */
  readonly firstDay: Day;
  /** Practice ids by the number of the practice. */
  readonly members: string[];
  /** Who was told that the plan is full, with the place on the waiting list, in the order in which they asked. */
  readonly waited: {
    readonly signUpId: string;
    readonly position: number | undefined;
    /** Of the plan, at that time. */
    readonly members: number;
  }[];
  /** In the order in which it was asked. */
  readonly asked: Asked[];
}

const reason = 'Demo: what happens in three years';

export function idOf({ members }: Stage, index: number): string {
  const id = members[index];
  if (id === undefined) throw new Error(`the practice ${index} has not signed up yet`);
  return id;
}

/** Notes what is asked for a practice. It is noon by UTC, and the same date at every practice. */
function note({ asked, controlPlane }: Stage, index: number, verb: string, body: object): void {
  asked.push({ index, on: dayIn('UTC', controlPlane.clock.now()), verb, body: { ...body } });
}

/** A day of the story, counted from the first one. */
export const dayOf = ({ firstDay }: Stage, day: number): Day => addDays(firstDay, day);

/** Changes a subscription; what waits for a second person is approved by one. */
export async function change(stage: Stage, index: number, verb: string, body: object = {}): Promise<void> {
  const path = `/v1/practices/${idOf(stage, index)}/subscription/${verb}`;
  const { approvalId } = await stage.session.api.post(path, subscriptionChangeSchema, {
    body: { reason, ...body },
  });
  if (approvalId !== null) await approveAsSecond(stage, approvalId);
  note(stage, index, verb, body);
}

export async function keep(stage: Stage, index: number): Promise<void> {
  const path = `/v1/practices/${idOf(stage, index)}/subscription/cancellation`;
  await stage.session.api.request('DELETE', path, { body: { reason } });
  note(stage, index, 'cancellation taken back', {});
}

/** Posts to a ledger; what waits for a second person is approved by one. */
export async function post(stage: Stage, index: number, what: Posting, amountCents: number): Promise<void> {
  const path = `/v1/practices/${idOf(stage, index)}/ledger/${what}`;
  const response = await stage.session.api.request('POST', path, { body: { amountCents, reason } });
  if (response.status === 202) await approveAsSecond(stage, approvalSchema.parse(await response.json()).id);
  note(stage, index, what, { amountCents });
}

async function approveAsSecond({ session }: Stage, approvalId: string): Promise<void> {
  const { token } = await session.api.post('/v1/tokens', createdTokenSchema, {
    body: { name: 'second person', roles: ['plan_admin'], expiresInDays: 1 },
  });
  const second = new ApiClient(session.url, () => token);
  await second.post(`/v1/subscription-approvals/${approvalId}/approve`, approvalSchema, {
    body: { reason: 'Demo: agreed by a second person' },
  });
}

/** Publishes the next version of a plan, which differs in its rates, offered from a day on. */
export async function raise({ session }: Stage, plan: string, rates: Rates, from: Day): Promise<void> {
  const path = `/v1/plans/${plan}`;
  const { body, etag } = await session.api.getTagged(path, planSchema);
  const newest = body.versions.at(-1);
  if (newest === undefined) throw new Error(`${plan} has no version`);
  const terms = { ...newest.terms, rates };
  await session.api.post(`${path}/versions`, planVersionSchema, {
    body: { effectiveFrom: from, terms },
    etag,
  });
}

/** Signs practices up, has them approved, and waits until they are provisioned. */
export async function enrol(stage: Stage, indexes: readonly number[]): Promise<void> {
  const { session, members } = stage;
  for (const index of indexes) {
    const locations = index % 9 === 0 ? 2 : 1;
    members[index] = await approve(session, await signUpMember(session, index), { locations });
    note(stage, index, 'enrolment', { clinicians: cliniciansOf(index), locations });
  }
  await untilState(
    session,
    indexes.map((index) => idOf(stage, index)),
    'active',
  );
}

/** Somebody for whom there is no place: what the control plane says of that is kept for the report. */
export async function askInVain(stage: Stage, index: number): Promise<void> {
  const { session, waited, members } = stage;
  const signUpId = await signUpMember(session, index);
  try {
    members[index] = await approve(session, signUpId);
  } catch (error) {
    if (!(error instanceof CommandError) || error.problem.code !== 'plan_full') throw error;
  }
  const { items } = await session.api.list('/v1/plans/founding/waiting-list', waitingListSchema, {
    limit: undefined,
  });
  const position = items.find((waiting) => waiting.signUpId === signUpId)?.position;
  const { items: practices } = await session.api.list('/v1/practices', practicePageSchema, {
    limit: undefined,
  });
  waited.push({ signUpId, position, members: practices.filter(({ plan }) => plan.id === 'founding').length });
}

/** Who waited is approved again, or with the plan that was offered instead. */
export async function approveWaiting(
  stage: Stage,
  place: number,
  index: number,
  body: { readonly plan?: string } = {},
): Promise<void> {
  const signUpId = stage.waited[place]?.signUpId;
  if (signUpId === undefined) throw new Error('nobody waits');
  stage.members[index] = await approve(stage.session, signUpId, body);
  note(stage, index, 'enrolment', { clinicians: cliniciansOf(index), locations: 1 });
  await untilState(stage.session, [idOf(stage, index)], 'active');
}

export async function suspend(stage: Stage, index: number): Promise<void> {
  const id = idOf(stage, index);
  await change(stage, index, 'suspension', { confirm: id });
  await untilState(stage.session, [id], 'suspended');
}

export async function resume(stage: Stage, index: number): Promise<void> {
  await change(stage, index, 'resumption');
  await untilState(stage.session, [idOf(stage, index)], 'active');
}

/** Another company takes the practice over. */
export const transfer = (stage: Stage, index: number): Promise<void> =>
  change(stage, index, 'transfer', {
    legalName: 'Continental Therapy Group Inc.',
    npi: npiOf(500 + index),
    contact: { name: 'Alex Example', email: 'office@continental.example.com', phone: '+13125550143' },
    agreement: { acceptedBy: 'Alex Example', acceptedAt: '2026-06-01T15:30:00Z', version: '2026-01' },
  });
