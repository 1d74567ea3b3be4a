import { appendAudit } from '../db/audit-store.ts';
import { reopenDeliveries } from '../db/notice-delivery-store.ts';
import {
  findNotice,
  mailContactsOfNow,
  type Notice,
  type NoticeDelivery,
  type NoticeFilter,
  listNotices as noticeRows,
} from '../db/notice-store.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { addressesOf } from '../db/practice-contact-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';

export type { Notice, NoticeDelivery };

/** Newest first, each with what became of it at its destinations. */
export function listNotices(core: Core, page: PageRequest & NoticeFilter): Promise<Page<Notice>> {
  return noticeRows(core.db, page);
}

/** @throws DomainError `not_found` */
export async function readNotice(core: Core, id: string): Promise<Notice> {
  const notice = await findNotice(core.db, id);
  if (notice === undefined) throw notFound('notice');
  return notice;
}

/**
 * Sends a notice once more, under the same id: to the destination of one delivery, or wherever it was given up. Never to an endpoint or an
 * address that was removed since; where its mails reached nobody, to the practice's contacts of now.
 * @throws DomainError `not_found`; `conflict` when there is nothing to send again.
 */
export async function redeliverNotice(
  core: Core,
  asked: { readonly id: string; readonly deliveryId?: string | undefined; readonly reason: string },
  actor: Actor,
): Promise<Notice> {
  const { id, deliveryId, reason } = asked;
  await core.db.transaction().execute(async (trx) => {
    const notice = await findNotice(trx, id);
    if (notice === undefined) throw notFound('notice');
    const at = core.clock.now();
    const addresses = notice.practice_id === null ? [] : await addressesOf(trx, notice.practice_id);
    const reopened = await reopenDeliveries(trx, id, { deliveryId, addresses }, at);
    const mailed = deliveryId === undefined ? await mailContactsOfNow(trx, id, at) : 0;
    if (reopened + mailed === 0) throw nothingToSend(deliveryId);
    await appendAudit(trx, {
      actor,
      action: 'notice.redelivered',
      subject: { type: 'notice', id },
      details: { reason, deliveries: reopened + mailed, ...(deliveryId === undefined ? {} : { deliveryId }) },
      at,
    });
  });
  return readNotice(core, id);
}

function nothingToSend(deliveryId: string | undefined): DomainError {
  return new DomainError(
    'conflict',
    deliveryId === undefined
      ? 'No delivery of this notice was given up. Name one with deliveryId to send it again although it arrived.'
      : 'The notice has no such delivery, or it is still being tried, or nobody there wants it any more: its endpoint or contact was removed.',
  );
}
