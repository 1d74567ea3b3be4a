import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { windowOpenAllDay } from '../builders/open-window.ts';
import { signUpRequest } from '../builders/sign-up.ts';
import type { Fleet } from './fleet.ts';
import { type Api, apiOf, patienceMs } from './patient-api.ts';
import type { Life, Wish } from './schedule.ts';

/** What the control plane has acknowledged: whatever stands here must be found on record. */
export interface Acknowledged {
  readonly signUpId: string;
  readonly practiceId: string;
  /** Ids of runs with what was asked of them and answered with yes. */
  readonly runs: readonly { readonly runId: string; readonly asked: readonly string[] }[];
}

const receiptSchema = z.object({ id: z.uuid() });
const signUpSchema = z.object({ state: z.string(), practiceId: z.string().nullable() });
const runSchema = z.object({
  id: z.uuid(),
  workflow: z.string(),
  state: z.string(),
  error: z.object({ message: z.string() }).nullable(),
});
type ShownRun = z.infer<typeof runSchema>;
const runPageSchema = z.object({ items: z.array(runSchema) });
/** No run when nothing has to be done on AWS. */
const beganSchema = z.object({ runId: z.uuid().nullable() });

const lookMs = 400;
/** Until the disturbances are over some runs fail again and again. */
const mostRetries = 15;

/** Leads one practice through its life, by the API, as a patient operator does: whatever is not answered is asked again. */
export async function lead(fleet: Fleet, life: Life, isCalm: () => boolean): Promise<Acknowledged> {
  const api = apiOf(fleet);
  await delay(life.beginsAtMs);
  const request = signUpRequest({ displayName: life.name, plan: 'standard' });
  const { id: signUpId } = await api.ask('POST', '/v1/signups', request, receiptSchema);
  const practiceId = await approved(api, signUpId);
  const schedule = { window: windowOpenAllDay(), ring: life.ring, reason: 'chaos' };
  await api.ask('PUT', `/v1/practices/${practiceId}/schedule`, schedule, z.unknown());
  const asked: { runId: string; asked: string[] }[] = [];
  const follow = async (runId: string, cancelAfterMs: number | null, isFinal = false): Promise<string> => {
    const told = { runId, asked: [] as string[] };
    asked.push(told);
    const givesUp = life.givesUp && !isFinal && !isCalm();
    return ended(api, { runId, cancelAfterMs, givesUp, isCalm }, told.asked);
  };
  let outcome = await follow(await begunBy(api, practiceId, 'provision-practice'), life.cancelAfterMs);
  for (const wish of life.wishes) {
    if (outcome !== 'succeeded') break;
    const runId = await begun(api, practiceId, wish, fleet.nextRelease);
    if (runId === null) continue;
    outcome = await follow(runId, wish === 'update' ? life.cancelUpdateAfterMs : null);
    // A practice whose update was called off is active as before.
    if (wish === 'update' && outcome === 'cancelled') outcome = 'succeeded';
    if (wish === 'leave' && outcome === 'succeeded')
      outcome = await follow(await begunBy(api, practiceId, 'deprovision-practice'), null, true);
  }
  return { signUpId, practiceId, runs: asked };
}

async function approved(api: Api, signUpId: string): Promise<string> {
  const path = `/v1/signups/${signUpId}`;
  for (;;) {
    const { practiceId } = await api.read(path, signUpSchema);
    if (practiceId !== null) return practiceId;
    // An approval whose answer was lost is refused the second time, and found above.
    await api.tell('POST', `${path}/approve`, { reason: 'chaos' });
  }
}

/** The run that an approval or a reconciler has begun. */
async function begunBy(api: Api, practiceId: string, workflow: string): Promise<string> {
  const deadline = Date.now() + patienceMs;
  while (Date.now() < deadline) {
    const { items } = await api.read(`/v1/practices/${practiceId}/runs`, runPageSchema);
    const run = items.find((each) => each.workflow === workflow);
    if (run !== undefined) return run.id;
    await delay(lookMs);
  }
  throw new Error(`${practiceId} has no run ${workflow}.`);
}

const paths: Readonly<Record<Wish, string>> = {
  update: 'deployments',
  suspend: 'suspend',
  resume: 'resume',
  offboard: 'offboard',
  leave: 'offboard',
  'take-back': 'offboarding/cancel',
};

async function begun(api: Api, practiceId: string, wish: Wish, releaseId: string): Promise<string | null> {
  const more: Readonly<Partial<Record<Wish, object>>> = {
    update: { releaseId },
    offboard: { confirm: practiceId },
    leave: { confirm: practiceId, graceDays: 0, exception: 'Chaos cannot wait for a month.' },
  };
  const body = { reason: 'chaos', ...more[wish] };
  const deadline = Date.now() + patienceMs;
  while (Date.now() < deadline) {
    const begun = await api.attempt('POST', `/v1/practices/${practiceId}/${paths[wish]}`, body, beganSchema);
    if (begun !== undefined) return begun.runId;
    // The rollout is at work on the practice.
    await delay(lookMs);
  }
  throw new Error(`${practiceId}: ${wish} was refused for too long.`);
}

/** Follows a run to an end that stays; answers its state. */
async function ended(
  api: Api,
  how: {
    readonly runId: string;
    readonly cancelAfterMs: number | null;
    readonly givesUp: boolean;
    readonly isCalm: () => boolean;
  },
  asked: string[],
): Promise<string> {
  const { runId, cancelAfterMs } = how;
  const begunAt = Date.now();
  let patientUntil = begunAt + patienceMs;
  const cancel = async (): Promise<void> => {
    if (await api.tell('POST', `/v1/runs/${runId}/cancel`, { reason: 'chaos' })) asked.push('cancel');
  };
  let isCancelled = false;
  let run: ShownRun | undefined;
  for (let retries = 0; Date.now() < patientUntil; await delay(lookMs)) {
    if (!how.isCalm()) patientUntil = Date.now() + patienceMs;
    run = await api.read(`/v1/runs/${runId}`, runSchema);
    if (run.state === 'succeeded' || run.state === 'cancelled') return run.state;
    if (cancelAfterMs !== null && !isCancelled && Date.now() - begunAt >= cancelAfterMs) {
      isCancelled = true;
      await cancel();
    } else if (run.state === 'failed') {
      if (retries >= mostRetries) return run.state;
      retries += 1;
      // Only what made nothing yet, or an update, can be called off; whatever is refused is retried the next time.
      if ((how.givesUp && retries === 1) || isCancelled) await cancel();
      else if (await api.tell('POST', `/v1/runs/${runId}/retry`)) asked.push('retry');
    }
  }
  throw new Error(
    `Run ${runId} (${run?.workflow}) is ${run?.state} for too long: ${run?.error?.message ?? ''}`,
  );
}
