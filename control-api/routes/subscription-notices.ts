import { listNoticesOf, type SubscriptionNotice } from '../../lib/use-cases/subscription-notices.ts';
import { pageQuerySchema } from '../contracts/common.ts';
import {
  type ShownSubscriptionNotice,
  subscriptionNoticePageSchema,
} from '../contracts/subscription-notices.ts';
import type { AppDeps } from '../deps.ts';
import { toPage } from '../serialise.ts';
import { type Routes, slugParams } from './types.ts';

/** What practices were told of their subscriptions. */
export function subscriptionNoticeRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/practices/:id/subscription/notices',
    schema: {
      summary: 'List what a practice was told of its subscription, newest first, and when it was sent',
      description:
        'A suspension or a new price depends on `sentAt`. Names no person; whom a notice went to stands in GET /v1/notices/{id}.',
      tags: ['subscriptions'],
      params: slugParams,
      querystring: pageQuerySchema,
      response: { 200: subscriptionNoticePageSchema },
    },
    handler: async (request) => toPage(await listNoticesOf(core, request.params.id, request.query), toNotice),
  });
}

function toNotice({ data, writtenAt, sentAt, ...notice }: SubscriptionNotice): ShownSubscriptionNotice {
  return {
    ...notice,
    data: { ...data },
    writtenAt: writtenAt.toISOString(),
    sentAt: sentAt?.toISOString() ?? null,
  };
}
