import { createHash, randomBytes } from 'node:crypto';
import { siloShapes } from '../../bin/silo-shapes.ts';
import {
  changedOwnerInvitationSchema,
  ownerInvitationSchema,
} from '../../control-api/contracts/owner-invitation.ts';
import { approvalSchema } from '../../control-api/contracts/sign-ups.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import type { RunState } from '../../lib/domain/run.ts';
import { practiceParameters } from '../../lib/workflows/practice-parameters.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
let releaseId: string;
beforeAll(async () => {
  api = await startTestApi();
  releaseId = await publishTestRelease(api.database, 'a', api.clock.at);
});
afterAll(() => api.close());

const sevenDays = 7 * 86_400_000;
const newToken = () => {
  const token = randomBytes(32).toString('base64url');
  return { token, tokenSha256: createHash('sha256').update(token).digest('hex') };
};
let serial = 0;

/** A practice whose provisioning was asked for, with the body of the approval. */
async function approve(body: object) {
  serial += 1;
  const signUp = (
    await api.call({
      method: 'POST',
      url: '/v1/signups',
      headers: { 'idempotency-key': freshKey() },
      payload: signUpRequest({ displayName: `Larch ${serial}` }),
    })
  ).json();
  return api.call({ method: 'POST', url: `/v1/signups/${signUp.id}/approve`, payload: body });
}

/** What a provisioning that succeeded leaves. */
async function activate({ practiceId, runId }: { practiceId: string; runId: string }): Promise<void> {
  await endRun(runId);
  await api.database.db
    .updateTable('practice')
    .set({ state: 'active', release_id: releaseId, activated_at: api.clock.at })
    .where('id', '=', practiceId)
    .execute();
}

async function activePractice(): Promise<string> {
  const approval = approvalSchema.parse((await approve({ reason: 'checked' })).json());
  await activate(approval);
  return approval.practiceId;
}

/** Runs are told apart by when they were asked for. */
const tick = (): void => {
  api.clock.at = new Date(api.clock.at.getTime() + 1);
};
const endRun = (id: string, state: RunState = 'succeeded') =>
  api.database.db.updateTable('run').set({ state }).where('id', '=', id).execute();
const urlOf = (practiceId: string) => `/v1/practices/${practiceId}/owner-invitation`;
const invite = (practiceId: string, body: object, key = freshKey()) =>
  api.call({ method: 'POST', url: urlOf(practiceId), headers: { 'idempotency-key': key }, payload: body });
const read = (practiceId: string) => api.call({ method: 'GET', url: urlOf(practiceId) });
const revoke = (practiceId: string) => api.call({ method: 'DELETE', url: urlOf(practiceId) });
const audited = async (practiceId: string, action: string) =>
  (
    await api.call({
      method: 'GET',
      url: `/v1/audit?subjectType=practice&subjectId=${practiceId}&action=${action}`,
    })
  ).json().items;

/** What the service stack of the practice would be deployed with. */
async function parametersOf(practiceId: string) {
  const practice = await findPractice(api.database.db, practiceId);
  if (practice === undefined) throw new Error(`no practice ${practiceId}`);
  const { OwnerEmail, OwnerInvitationSha256, OwnerInvitationExpiresAt } = await practiceParameters(
    api.database.db,
    siloShapes,
    practice,
  );
  return { OwnerEmail, OwnerInvitationSha256, OwnerInvitationExpiresAt };
}

/** Every row of every table of the control plane, as text. */
async function everythingKept(): Promise<string> {
  const tables = await api.database.db.introspection.getTables();
  const rows = [];
  for (const { name } of tables) {
    rows.push(
      await api.database.db
        .selectFrom(name as 'practice')
        .selectAll()
        .execute(),
    );
  }
  return JSON.stringify(rows);
}

describe('an approval that invites the first owner', () => {
  test('invites the contact for seven days, in one transaction with its audit row', async () => {
    const { tokenSha256 } = newToken();
    const answer = await approve({ reason: 'checked', ownerInvitation: { tokenSha256 } });
    expect(answer.statusCode).toBe(202);
    const { practiceId, runId, signUp, ownerInvitation } = approvalSchema.parse(answer.json());
    const expiresAt = new Date(api.clock.at.getTime() + sevenDays).toISOString();
    const { email } = signUp.contact;
    expect(ownerInvitation).toMatchObject({ practiceId, email, state: 'open', expiresAt });
    expect(ownerInvitationSchema.parse((await read(practiceId)).json())).toEqual(ownerInvitation);
    expect(await audited(practiceId, 'practice.owner_invited')).toMatchObject([
      { actor: { name: 'first administrator' }, details: { email, expiresAt, reason: 'checked', runId } },
    ]);
    expect(await parametersOf(practiceId)).toEqual({
      OwnerEmail: email,
      OwnerInvitationSha256: tokenSha256,
      OwnerInvitationExpiresAt: expiresAt,
    });
  });

  test('keeps, logs and shows neither the token nor, to anybody, its hash', async () => {
    const { token, tokenSha256 } = newToken();
    const approved = await approve({ reason: 'checked', ownerInvitation: { tokenSha256 } });
    const { practiceId } = approved.json();
    // The token itself, sent by mistake, is refused and not repeated.
    const mistaken = await approve({ reason: 'checked', ownerInvitation: { tokenSha256: token } });
    expect(mistaken.statusCode).toBe(400);
    expect(mistaken.json().errors).toEqual([
      { pointer: '/ownerInvitation/tokenSha256', message: expect.stringContaining('never the token') },
    ]);
    const trail = await api.call({ method: 'GET', url: '/v1/audit' });
    for (const { body } of [approved, mistaken, await read(practiceId), trail]) {
      expect(body).not.toContain(token);
      expect(body).not.toContain(tokenSha256);
    }
    expect(api.log.join('\n')).not.toContain(token);
    expect(api.log.join('\n')).not.toContain(tokenSha256);
    expect(await everythingKept()).not.toContain(token);
  });

  test('takes the whole approval back when the token was used before', async () => {
    const ownerInvitation = { tokenSha256: newToken().tokenSha256 };
    await approve({ reason: 'checked', ownerInvitation });
    const count = async (table: 'practice' | 'run') =>
      (await api.database.db.selectFrom(table).selectAll().execute()).length;
    const before = [await count('practice'), await count('run')];
    const answer = await approve({ reason: 'checked', ownerInvitation });
    expect(answer.json()).toMatchObject({ status: 409, code: 'conflict' });
    expect([await count('practice'), await count('run')]).toEqual(before);
    const { items } = (await api.call({ method: 'GET', url: '/v1/signups?state=requested' })).json();
    expect(items).toContainEqual(
      expect.objectContaining({ displayName: `Larch ${serial}`, practiceId: null }),
    );
  });

  test('without one, nobody is invited', async () => {
    const { practiceId, ownerInvitation } = (await approve({ reason: 'checked' })).json();
    expect(ownerInvitation).toBeNull();
    expect((await read(practiceId)).statusCode).toBe(404);
    expect(await parametersOf(practiceId)).toEqual({
      OwnerEmail: '',
      OwnerInvitationSha256: '',
      OwnerInvitationExpiresAt: '',
    });
  });
});

describe('an invitation to an active practice', () => {
  test('takes the place of the one before and starts the run that delivers it, once for a key', async () => {
    const approval = approvalSchema.parse(
      (await approve({ reason: 'checked', ownerInvitation: { tokenSha256: newToken().tokenSha256 } })).json(),
    );
    const { practiceId } = approval;
    await activate(approval);
    const { tokenSha256 } = newToken();
    const key = freshKey();
    const body = { tokenSha256, email: 'New.Owner@larch.example', reason: 'the first link was lost' };
    const answer = await invite(practiceId, body, key);
    expect(answer.statusCode).toBe(202);
    const invitation = changedOwnerInvitationSchema.parse(answer.json());
    expect(answer.headers['location']).toBe(`/v1/runs/${invitation.runId}`);
    expect(api.enqueued).toContainEqual({ id: invitation.runId, practiceId, generation: 1 });
    expect((await read(practiceId)).json()).toMatchObject({
      email: 'New.Owner@larch.example',
      state: 'open',
    });
    expect(await parametersOf(practiceId)).toMatchObject({ OwnerInvitationSha256: tokenSha256 });

    const again = await invite(practiceId, body, key);
    expect(again.json()).toEqual(answer.json());
    expect(await audited(practiceId, 'practice.owner_invited')).toHaveLength(2);
  });

  test('goes to the contact of the sign-up unless another address is given', async () => {
    const practiceId = await activePractice();
    const { tokenSha256 } = newToken();
    const answer = await invite(practiceId, { tokenSha256, reason: 'asked for by phone' });
    expect(answer.json().email).toBe(signUpRequest().contact.email);
  });

  test('expires by the clock, and stays in the stack as it is', async () => {
    const practiceId = await activePractice();
    const { tokenSha256 } = newToken();
    await invite(practiceId, { tokenSha256, reason: 'asked for by phone' });
    const before = api.clock.at;
    api.clock.at = new Date(before.getTime() + sevenDays - 1);
    expect((await read(practiceId)).json().state).toBe('open');
    api.clock.at = new Date(before.getTime() + sevenDays);
    expect((await read(practiceId)).json().state).toBe('expired');
    expect(await parametersOf(practiceId)).toMatchObject({ OwnerInvitationSha256: tokenSha256 });
    api.clock.at = before;
  });

  test('is revoked with an audit row and the run that tells the app; a second time is refused', async () => {
    const practiceId = await activePractice();
    const invited = (
      await invite(practiceId, { tokenSha256: newToken().tokenSha256, reason: 'first' })
    ).json();
    await endRun(invited.runId);
    tick();
    const answer = await revoke(practiceId);
    expect(answer.statusCode).toBe(202);
    const { runId } = changedOwnerInvitationSchema.parse(answer.json());
    expect((await read(practiceId)).json()).toMatchObject({ state: 'revoked' });
    expect(await parametersOf(practiceId)).toMatchObject({ OwnerEmail: '', OwnerInvitationSha256: '' });
    expect(await audited(practiceId, 'practice.owner_invitation_revoked')).toMatchObject([
      { details: { email: invited.email, runId } },
    ]);
    expect((await revoke(practiceId)).json()).toMatchObject({
      code: 'wrong_state',
      detail: expect.stringContaining(runId),
    });
    // The app has not heard of it: the link would still open it.
    await endRun(runId, 'failed');
    tick();
    const again = changedOwnerInvitationSchema.parse((await revoke(practiceId)).json());
    await endRun(again.runId);
    expect((await revoke(practiceId)).json()).toMatchObject({ code: 'wrong_state', state: 'revoked' });
  });

  test('is refused with a token that was used before, and changes nothing', async () => {
    const { tokenSha256 } = newToken();
    const first = await activePractice();
    await invite(first, { tokenSha256, reason: 'first' });
    const second = await activePractice();
    const answer = await invite(second, { tokenSha256, reason: 'the same again' });
    expect(answer.statusCode).toBe(409);
    expect((await read(second)).statusCode).toBe(404);
    expect(
      (await api.call({ method: 'GET', url: `/v1/practices/${second}/runs` })).json().items,
    ).toHaveLength(1);
  });

  test('is refused while a run is open, and while there is no app yet', async () => {
    const busy = await activePractice();
    const first = (await invite(busy, { tokenSha256: newToken().tokenSha256, reason: 'first' })).json();
    const second = await invite(busy, { tokenSha256: newToken().tokenSha256, reason: 'second' });
    expect(second.json()).toMatchObject({ code: 'wrong_state' });
    expect(second.json().detail).toContain(first.runId);
    const { practiceId } = (await approve({ reason: 'checked' })).json();
    const early = await invite(practiceId, { tokenSha256: newToken().tokenSha256, reason: 'early' });
    expect(early.json()).toMatchObject({ code: 'wrong_state', state: 'provisioning' });
  });

  test.each([
    ['a hash in upper case', { tokenSha256: 'A'.repeat(64) }, '/tokenSha256'],
    ['no address', { tokenSha256: '0'.repeat(64), email: 'nobody' }, '/email'],
    [
      'an address that no stack takes',
      { tokenSha256: '0'.repeat(64), email: `${'x'.repeat(65)}@a.example` },
      '/email',
    ],
    ['the token beside its hash', { tokenSha256: '0'.repeat(64), token: 'x' }, '/token'],
  ])('%s is refused', async (_, body, pointer) => {
    const answer = await invite('nobody', { reason: 'checked', ...body });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors.map((error: { pointer: string }) => error.pointer)).toEqual([pointer]);
  });

  test('to a practice that is not there is not found', async () => {
    expect((await invite('nobody', { tokenSha256: '0'.repeat(64), reason: 'checked' })).statusCode).toBe(404);
    expect((await read('nobody')).statusCode).toBe(404);
    expect((await revoke('nobody')).statusCode).toBe(404);
  });
});
