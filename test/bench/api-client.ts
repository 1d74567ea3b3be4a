import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { practicePageSchema } from '../../control-api/contracts/practices.ts';
import { type Run, runPageSchema, runSchema } from '../../control-api/contracts/runs.ts';
import { approvalSchema, signUpReceiptSchema } from '../../control-api/contracts/sign-ups.ts';
import { signUpRequest } from '../builders/sign-up.ts';
import type { ControlPlane } from './control-plane.ts';

/** A practice on its way. */
export interface Approved {
  readonly practiceId: string;
  readonly runId: string;
}

/** Signs a practice up and approves it, as a practice and an operator do over the API. */
export async function provision(controlPlane: ControlPlane, displayName: string): Promise<Approved> {
  const request = signUpRequest({ displayName, plan: 'standard' });
  const receipt = await call(controlPlane, 'POST', '/v1/signups', signUpReceiptSchema, request);
  const reason = { reason: 'Benchmark' };
  const { practiceId, runId } = await call(
    controlPlane,
    'POST',
    `/v1/signups/${receipt.id}/approve`,
    approvalSchema,
    reason,
  );
  return { practiceId, runId };
}

/** Waits until this many practices are active. @throws Error as soon as a run has failed, with the run's reason. */
export async function untilActive(
  controlPlane: ControlPlane,
  count: number,
  withinMs: number,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const active = await countActive(controlPlane);
    if (active >= count) return;
    const failed = await call(controlPlane, 'GET', '/v1/runs?limit=1&state=failed', runPageSchema);
    for (const run of failed.items) throw new Error(`Practice ${run.practiceId}: ${reasonOf(run)}`);
    if (performance.now() > deadline) {
      throw new Error(`Only ${active} of ${count} practices were active after ${withinMs / 1000} s.`);
    }
    // Whoever waits for a thousand asks less often.
    await delay(Math.max(200, count));
  }
}

async function countActive(controlPlane: ControlPlane): Promise<number> {
  let count = 0;
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/v1/practices?limit=200&state=active${query}`;
    const page = await call(controlPlane, 'GET', path, practicePageSchema);
    count += page.items.length;
    cursor = page.nextCursor;
  }
  return count;
}

export function readRun(controlPlane: ControlPlane, runId: string): Promise<Run> {
  return call(controlPlane, 'GET', `/v1/runs/${runId}`, runSchema);
}

function reasonOf({ error }: Run): string {
  if (error === null) return 'the run failed and says no reason';
  const resource = error.resource === undefined ? '' : ` (${error.resource.type}: ${error.resource.reason})`;
  return `${error.step} failed: ${error.message}${resource}`;
}

/** @throws Error when it is refused, with the answer. */
export async function call<Schema extends z.ZodType>(
  { url, token }: ControlPlane,
  method: string,
  path: string,
  schema: Schema,
  body?: object,
): Promise<z.infer<Schema>> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': randomUUID() }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${text}`);
  return schema.parse(JSON.parse(text));
}
