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
const beganSchema = z.object({ runId: z.uuid() });

const lookMs = 400;
/** How long without a disturbance a run may take, and a request until somebody answers. A busy machine takes several times as long. */
const patienceMs = 8 * 60_000;
/** Until the disturbances are over some runs fail again and again. */
const mostRetries = 15;

/** Leads one practice through its life, by the API, as a patient operator does: whatever is not answered is asked again. */
export async function lead(fleet: Fleet, life: Life, isCalm: () => boolean): Promise<Acknowledged> {
  const api = apiOf(fleet);
  await delay(life.beginsAtMs);
  const request = signUpRequest({ displayName: life.name });
  const { id: signUpId } = await api.ask('POST', '/v1/signups', request, receiptSchema);
  const practiceId = await approved(api, signUpId);
  const asked: { runId: string; asked: string[] }[] = [];
  const follow = async (runId: string, cancelAfterMs: number | null): Promise<string> => {
    const told = { runId, asked: [] as string[] };
    asked.push(told);
    return ended(api, { runId, cancelAfterMs, givesUp: life.givesUp && !isCalm(), isCalm }, told.asked);
  };
  const [provisioning] = (await api.read(`/v1/practices/${practiceId}/runs`, runPageSchema)).items;
  if (provisioning === undefined) throw new Error(`${practiceId} was approved and has no run.`);
  let outcome = await follow(provisioning.id, life.cancelAfterMs);
  for (const wish of life.wishes) {
    if (outcome !== 'succeeded') break;
    const runId = await begun(api, practiceId, wish, fleet.nextRelease);
    outcome = await follow(runId, wish === 'update' ? life.cancelUpdateAfterMs : null);
    // A practice whose update was called off is active as before.
    if (wish === 'update' && outcome === 'cancelled') outcome = 'succeeded';
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

const paths = { update: 'deployments', suspend: 'suspend', resume: 'resume' } as const;

async function begun(api: Api, practiceId: string, wish: Wish, releaseId: string): Promise<string> {
  const body = { reason: 'chaos', ...(wish === 'update' ? { releaseId } : {}) };
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
