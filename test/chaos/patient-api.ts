import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import type { Fleet } from './fleet.ts';

/** How long without a disturbance a run may take, and a request until somebody answers. A busy machine takes several times as long. */
export const patienceMs = 8 * 60_000;

/** The control planes' API, asked until one of them answers. */
export interface Api {
  read<T>(path: string, schema: z.ZodType<T>): Promise<T>;
  /** Asks until somebody answers, with one idempotency key. @throws Error when it is refused. */
  ask<T>(method: string, path: string, body: object, schema: z.ZodType<T>): Promise<T>;
  /** The same for what may be refused just now: undefined then. */
  attempt<T>(method: string, path: string, body: object, schema: z.ZodType<T>): Promise<T | undefined>;
  /** Asks until somebody answers; whether the answer was yes. */
  tell(method: string, path: string, body?: object): Promise<boolean>;
}

/** Statuses that say: not now. */
const notNow = new Set([429, 500, 502, 503, 504]);
const answerWithinMs = 20_000;

export function apiOf({ urls, token, tally }: Pick<Fleet, 'urls' | 'token' | 'tally'>): Api {
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
    attempt: async (method, path, body, schema) => {
      const answer = await send(method, path, body);
      if (!answer.ok && answer.status !== 409)
        throw new Error(`${method} ${path} was answered with ${answer.status}: ${answer.text}`);
      return answer.ok ? schema.parse(JSON.parse(answer.text)) : undefined;
    },
    tell: async (method, path, body) => (await send(method, path, body)).ok,
  };
}
