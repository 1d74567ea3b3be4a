import type { Page, PageRequest } from '../db/page.ts';
import { listSubscriptionNotices, type SubscriptionNotice } from '../db/subscription-notice-store.ts';
import type { Core } from './core.ts';
import { requireSubscription } from './subscriptions.ts';

export type { SubscriptionNotice };

/** What a practice was told of its subscription, newest first. @throws DomainError `not_found` */
export async function listNoticesOf(
  core: Core,
  practiceId: string,
  page: PageRequest,
): Promise<Page<SubscriptionNotice>> {
  await requireSubscription(core, practiceId);
  return listSubscriptionNotices(core.db, practiceId, page);
}
