import { readdirSync, readFileSync } from 'node:fs';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { type EvidenceRow, type Practice, practiceSchema } from '../control-api/contracts/practices.ts';
import { type Run, runSchema } from '../control-api/contracts/runs.ts';
import {
  approvalSchema,
  signUpPageSchema,
  signUpReceiptSchema,
  signUpRequestSchema,
} from '../control-api/contracts/sign-ups.ts';
import type { SignUpRequest } from '../lib/domain/sign-up.ts';
import { requestApp } from './app-request.ts';
import type { ApiClient } from './commands/api-client.ts';
import { CommandError, commandError } from './commands/command-error.ts';
import { newestVerification } from './commands/evidence.ts';
import { addressOf, latestRunOf } from './commands/find.ts';
import { newOwnerToken, type OwnerLink, ownerLink } from './commands/owner-link.ts';
import { RunProgress } from './commands/run-progress.ts';
import type { Session } from './commands/session.ts';
import { followToEnd, hasEnded } from './commands/watch.ts';

const appTimeoutMs = 60_000;
const fixtures = new URL('../test/fixtures/practices/', import.meta.url);

/** A fixture, signed up and approved; whether by this demo or by an earlier one on the same data. */
export interface Approved {
  readonly practiceId: string;
  readonly displayName: string;
  readonly isNew: boolean;
  /** With which somebody becomes the first owner; of the first new practice alone. */
  readonly ownerLink: OwnerLink | null;
}

/** Signs up and approves each practice in test/fixtures/practices that is not there yet. */
export async function signUpFixtures({ api }: Session): Promise<Approved[]> {
  const { items: known } = await api.list('/v1/signups', signUpPageSchema, { limit: undefined });
  const approved: Approved[] = [];
  for (const file of readdirSync(fixtures).sort()) {
    const request = signUpRequestSchema.parse(JSON.parse(readFileSync(new URL(file, fixtures), 'utf8')));
    const earlier = known.find(
      ({ npi, state }) => npi === request.npi && (state === 'requested' || state === 'approved'),
    );
    if (earlier?.practiceId) {
      approved.push({
        practiceId: earlier.practiceId,
        displayName: request.displayName,
        isNew: false,
        ownerLink: null,
      });
      continue;
    }
    const id = earlier?.id ?? (await signUp(api, request));
    const { displayName } = request;
    approved.push({ displayName, isNew: true, ...(await approve(api, id, approved.length === 0)) });
  }
  return approved;
}

async function approve(
  api: ApiClient,
  signUpId: string,
  invites: boolean,
): Promise<Pick<Approved, 'practiceId' | 'ownerLink'>> {
  const token = newOwnerToken();
  const invitation = invites ? { ownerInvitation: { tokenSha256: token.tokenSha256 } } : {};
  const { practiceId, ownerInvitation } = await api.post(`/v1/signups/${signUpId}/approve`, approvalSchema, {
    body: { reason: 'Demo: a fictional practice from test/fixtures', ...invitation },
  });
  if (ownerInvitation === null) return { practiceId, ownerLink: null };
  const { url } = await api.get(`/v1/practices/${practiceId}`, practiceSchema);
  return { practiceId, ownerLink: ownerLink(url, ownerInvitation, token) };
}

/** As the public does it: without a token. */
export async function signUp(api: ApiClient, body: SignUpRequest): Promise<string> {
  return (await api.post('/v1/signups', signUpReceiptSchema, { body, authenticate: false })).id;
}

/**
 * Follows the newest run of each practice to its end, all at once; a run that failed in an earlier demo is retried.
 * @returns each practice as it then is, with its newest run
 */
export async function provision(
  session: Session,
  approved: readonly Approved[],
): Promise<Array<{ readonly practice: Practice; readonly run: Run }>> {
  const { api } = session;
  const runs = await Promise.all(approved.map(({ practiceId }) => runToFollow(api, practiceId)));
  const going = runs.filter((run) => !hasEnded(run)).map((run) => new RunProgress(run));
  if (going.length > 0) await followToEnd(session, going, {});
  return Promise.all(
    runs.map(async ({ id, practiceId }) => ({
      practice: await api.get(`/v1/practices/${practiceId}`, practiceSchema),
      run: await api.get(`/v1/runs/${id}`, runSchema),
    })),
  );
}

async function runToFollow(api: ApiClient, practiceId: string): Promise<Run> {
  const practice = await api.get(`/v1/practices/${practiceId}`, practiceSchema);
  const run = await api.get(`/v1/runs/${latestRunOf(practice)}`, runSchema);
  return run.state === 'failed' ? api.post(`/v1/runs/${run.id}/retry`, runSchema, {}) : run;
}

/** What the newest verification of a practice read, in the order in which it read. */
export async function newestEvidence({ api }: Session, practiceId: string): Promise<EvidenceRow[]> {
  return (await newestVerification(api, practiceId)).reverse();
}

/** The app's answer; after a restart of the sandbox its containers may still be starting, which is waited for. */
export async function askApp(practice: Practice, path: string): Promise<unknown> {
  const deadline = Date.now() + appTimeoutMs;
  for (;;) {
    try {
      return await askOnce(practice, path);
    } catch (error) {
      if (!(error instanceof CommandError) || Date.now() > deadline) throw error;
    }
    await delay(500);
  }
}

async function askOnce(practice: Practice, path: string): Promise<unknown> {
  const response = await requestApp(practice, path);
  if (response.statusCode === 200) return json(response);
  response.resume();
  throw commandError('unexpected_answer', `${addressOf(practice)}${path} answered ${response.statusCode}.`);
}
