import { randomUUID } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { cancelDeliveries } from '../db/notice-delivery-store.ts';
import {
  listEndpoints as endpointRows,
  findEndpoint,
  insertEndpoint,
  lockEndpoint,
  lockEndpointsOf,
  type NoticeEndpoint,
  removeEndpoint as removeRow,
  replaceSecret,
} from '../db/notice-endpoint-store.ts';
import { addNotice } from '../db/notice-store.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { findPractice } from '../db/practice-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { EndpointNoticeKind } from '../domain/notice.ts';
import type { NoticePorts } from '../ports/notice-ports.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';

export type { NoticeEndpoint };

/** What endpoints are made with. */
export type EndpointPorts = Pick<NoticePorts, 'webhooks' | 'secrets'>;

/** How long the secret before goes on signing, so that a receiver can change over without missing anything. */
const changeOverMs = 86_400_000;

/** An endpoint with its new secret, `whsec_…`: nobody can be shown it again. */
export interface EndpointWithSecret {
  readonly endpoint: NoticeEndpoint;
  readonly secret: string;
}

/** Newest first; of one practice, or all. */
export function listEndpoints(
  core: Core,
  page: PageRequest & { readonly practice?: string | undefined },
): Promise<Page<NoticeEndpoint>> {
  return endpointRows(core.db, page);
}

/**
 * Adds an endpoint of a practice, or of the fleet.
 * @throws DomainError `invalid_input` for an address that nothing can be sent to; `not_found`; `conflict` for a repeat, since a secret is
 * shown once; `configuration` without a key to keep secrets with.
 */
export async function addEndpoint(
  core: Core,
  ports: EndpointPorts,
  request: {
    readonly url: string;
    readonly practice: string | null;
    readonly kinds: readonly EndpointNoticeKind[];
  },
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<EndpointWithSecret> {
  const objection = ports.webhooks.objectionTo(request.url);
  if (objection !== undefined) {
    throw new DomainError('invalid_input', `The address ${objection}.`, {
      fields: [{ pointer: '/url', message: objection }],
    });
  }
  const id = randomUUID();
  const secret = ports.webhooks.newSecret();
  const answer = await answerOnce(
    core,
    { scope: `POST /v1/notice-endpoints ${actor.id}`, key: call.idempotencyKey, request },
    async (trx) => {
      const { url, practice, kinds } = request;
      if (practice !== null && (await findPractice(trx, practice)) === undefined) throw notFound('practice');
      const at = core.clock.now();
      await insertEndpoint(trx, {
        id,
        practice_id: practice,
        url,
        kinds,
        secret: ports.secrets.seal(secret, id),
        created_by: actor.name,
        created_at: at,
      });
      await appendAudit(trx, {
        actor,
        action: 'notice_endpoint.added',
        subject: { type: 'notice_endpoint', id },
        details: { practice, host: new URL(url).host, kinds },
        at,
      });
      return { status: 201, body: { id } };
    },
  );
  if (answer.replayed) throw shownOnce(answer.body.id);
  return { endpoint: await existing(core, id), secret };
}

/**
 * Gives an endpoint a new secret; the one before signs beside it for a day.
 * @throws DomainError `not_found`; `conflict` for a repeat, since a secret is shown once.
 */
export async function rotateSecret(
  core: Core,
  ports: EndpointPorts,
  id: string,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<EndpointWithSecret> {
  const secret = ports.webhooks.newSecret();
  const answer = await answerOnce(
    core,
    {
      scope: `POST /v1/notice-endpoints/:id/rotate-secret ${actor.id}`,
      key: call.idempotencyKey,
      request: { id },
    },
    async (trx) => {
      const endpoint = await lockEndpoint(trx, id);
      if (endpoint === undefined) throw notFound('notice endpoint');
      const at = core.clock.now();
      const until = new Date(at.getTime() + changeOverMs);
      await replaceSecret(trx, endpoint, ports.secrets.seal(secret, id), until);
      await appendAudit(trx, {
        actor,
        action: 'notice_endpoint.secret_rotated',
        subject: { type: 'notice_endpoint', id },
        details: { previousUntil: until.toISOString() },
        at,
      });
      return { status: 200, body: { id } };
    },
  );
  if (answer.replayed) throw shownOnce(id);
  return { endpoint: await existing(core, id), secret };
}

/** Removes an endpoint; what was still to be sent to it is cancelled. @throws DomainError `not_found` */
export function removeEndpoint(core: Core, id: string, actor: Actor): Promise<void> {
  return core.db.transaction().execute(async (trx) => {
    const endpoint = await lockEndpoint(trx, id);
    if (endpoint === undefined) throw notFound('notice endpoint');
    await removeInside(trx, endpoint, actor, core.clock.now());
  });
}

/** Removes all endpoints of a practice, in the transaction of whoever decides it; those of the fleet stay. */
export async function removeEndpointsOf(
  trx: Trx,
  practiceId: string,
  { actor, at }: { readonly actor: Actor; readonly at: Date },
): Promise<void> {
  for (const endpoint of await lockEndpointsOf(trx, practiceId)) {
    await removeInside(trx, endpoint, actor, at);
  }
}

async function removeInside(
  trx: Trx,
  { id, practice_id: practice, url }: NoticeEndpoint,
  actor: Actor,
  at: Date,
): Promise<void> {
  await cancelDeliveries(trx, { endpointId: id }, at);
  await removeRow(trx, id, actor.name, at);
  await appendAudit(trx, {
    actor,
    action: 'notice_endpoint.removed',
    subject: { type: 'notice_endpoint', id },
    details: { practice, host: new URL(url).host },
    at,
  });
}

/**
 * Sends a notice of kind `test` to an endpoint, by the way of all notices; answers the notice's id.
 * @throws DomainError `not_found`
 */
export function testEndpoint(
  core: Core,
  id: string,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<{ readonly noticeId: string }>> {
  const scope = `POST /v1/notice-endpoints/:id/test ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request: { id } }, async (trx) => {
    const endpoint = await lockEndpoint(trx, id);
    if (endpoint === undefined) throw notFound('notice endpoint');
    const at = core.clock.now();
    const subject = { type: 'notice_endpoint', id };
    const { practice_id: practiceId } = endpoint;
    const noticeId = await addNotice(
      trx,
      { kind: 'test', practiceId, subject, data: { endpointId: id } },
      at,
    );
    await appendAudit(trx, {
      actor,
      action: 'notice_endpoint.tested',
      subject,
      details: { noticeId },
      at,
    });
    return { status: 202, body: { noticeId } };
  });
}

async function existing(core: Core, id: string): Promise<NoticeEndpoint> {
  const endpoint = await findEndpoint(core.db, id);
  if (endpoint === undefined) throw notFound('notice endpoint');
  return endpoint;
}

function shownOnce(id: string): DomainError {
  return new DomainError(
    'conflict',
    `This call was carried out already for the endpoint ${id}, and a secret is shown only once. If it was lost, rotate it with a new Idempotency-Key.`,
  );
}
