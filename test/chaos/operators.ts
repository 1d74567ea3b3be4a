import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { signUpRequest } from '../builders/sign-up.ts';
import type { Fleet } from './fleet.ts';
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
/** How long without a disturbance a run may take, and a request until somebody answers. A busy machine takes several times as long. */
const patienceMs = 8 * 60_000;
/** Until the disturbances are over some runs fail again and again. */
const mostRetries = 15;

/** Leads one practice through its life, by the API, as a patient operator does: whatever is not answered is asked again. */
export async function lead(fleet: Fleet, life: Life, isCalm: () => boolean): Promise<Acknowledged> {
  const api = apiOf(fleet);
  await delay(life.beginsAtMs);
  const request = signUpRequest({ displayName: life.name, plan: 'standard' });
  const { id: signUpId } = await api.ask('POST', '/v1/signups', request, receiptSchema);
  const practiceId = await approved(api, signUpId);
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
  return (await api.ask('POST', `/v1/practices/${practiceId}/${paths[wish]}`, body, beganSchema)).runId;
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

interface Api {
  read<T>(path: string, schema: z.ZodType<T>): Promise<T>;
  /** Asks until somebody answers, with one idempotency key. @throws Error when it is refused. */
  ask<T>(method: string, path: string, body: object, schema: z.ZodType<T>): Promise<T>;
  /** Asks until somebody answers; whether the answer was yes. */
  tell(method: string, path: string, body?: object): Promise<boolean>;
}

/** Statuses that say: not now. */
const notNow = new Set([429, 500, 502, 503, 504]);
const answerWithinMs = 20_000;

function apiOf({ urls, token, tally }: Pick<Fleet, 'urls' | 'token' | 'tally'>): Api {
  let turn = Math.floor(Math.random() * urls.length);
  const send = async (
    method: string,
    path: string,
    body?: object,
  ): Promise<{ ok: boolean; status: number; text: string }> => {
    const key = randomUUID();
    const deadline = Date.now() + patienceMs;
    for (;;) {
      turn += 1;
      const answer = await once(`${urls[turn % urls.length]}${path}`, method, key, body);
      if (answer?.status === 500) tally.surprises.push(`${method} ${path} was answered with ${answer.text}`);
      if (answer !== undefined && !notNow.has(answer.status)) return answer;
      if (Date.now() > deadline)
        throw new Error(`${method} ${path}: no answer; the last was ${answer?.text}`);
      await delay(250);
    }
  };
  const once = async (url: string, method: string, key: string, body?: object) => {
    try {
      const answer = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(method === 'GET' ? {} : { 'idempotency-key': key }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        signal: AbortSignal.timeout(answerWithinMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { ok: answer.ok, status: answer.status, text: await answer.text() };
    } catch {
      // Killed, paused or not there yet: the next one is asked.
      return undefined;
    }
  };
  const parsed = async <T>(schema: z.ZodType<T>, method: string, path: string, body?: object): Promise<T> => {
    const answer = await send(method, path, body);
    if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}: ${answer.text}`);
    return schema.parse(JSON.parse(answer.text));
  };
  return {
    read: (path, schema) => parsed(schema, 'GET', path),
    ask: (method, path, body, schema) => parsed(schema, method, path, body),
    tell: async (method, path, body) => (await send(method, path, body)).ok,
  };
}
