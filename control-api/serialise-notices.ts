import type { NoticeEndpoint } from '../lib/use-cases/notice-endpoints.ts';
import type { NoticeDelivery, Notice as NoticeRow } from '../lib/use-cases/notices.ts';
import type { Endpoint, Notice } from './contracts/notices.ts';

export function toNotice(row: NoticeRow): Notice {
  return {
    id: row.id,
    kind: row.kind,
    practiceId: row.practice_id,
    subject: { type: row.subject_type, id: row.subject_id },
    data: { ...row.data },
    createdAt: row.created_at.toISOString(),
    deliveries: row.deliveries.map(toDelivery),
  };
}

function toDelivery(row: NoticeDelivery): Notice['deliveries'][number] {
  return {
    id: row.id,
    channel: row.channel,
    endpointId: row.endpoint_id,
    address: row.address,
    state: row.state,
    attempts: row.attempts,
    dueAt: row.state === 'pending' ? row.due_at.toISOString() : null,
    lastError: row.last_error,
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}

/** @param now a secret that has stopped signing is of the past, though its row may still hold it */
export function toEndpoint(row: NoticeEndpoint, now: Date): Endpoint {
  const { previous_secret_until: until } = row;
  return {
    id: row.id,
    url: row.url,
    practice: row.practice_id,
    kinds: row.kinds,
    previousSecretUntil: until !== null && until > now ? until.toISOString() : null,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
  };
}
