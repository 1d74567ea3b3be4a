import type { NoticeData, NoticeKind } from './notice.ts';

const firstWaitMs = 5_000;
const growth = 4;
const longestWaitMs = 4 * 3_600_000;
/** Each wait is up to a quarter shorter or longer, so that many that failed together do not come back together. */
const jitter = 0.25;

/**
 * When a delivery is tried again after its n-th try has failed: some 5 s, 20 s, 80 s, 5 min, 21 min, 85 min later, then every four hours, and
 * once more at the very end. Null when its time is over.
 * @param chance from 0 to 1
 */
export function nextTryAt(attempt: number, now: Date, giveUpAt: Date, chance: number): Date | null {
  if (now >= giveUpAt) return null;
  return new Date(Math.min(now.getTime() + waitAfter(attempt, chance), giveUpAt.getTime()));
}

/** How long to wait after the n-th try has failed, in milliseconds. */
export function waitAfter(attempt: number, chance: number): number {
  const wait = Math.min(longestWaitMs, firstWaitMs * growth ** (attempt - 1));
  return wait * (1 - jitter + 2 * jitter * chance);
}

/** A webhook's body (Standard Webhooks, "Payload structure"): what happened, when, and ids to ask about. */
export function webhookBody(notice: {
  readonly kind: NoticeKind;
  readonly practiceId: string | null;
  readonly data: NoticeData;
  readonly createdAt: Date;
}): string {
  const { kind, practiceId, data, createdAt } = notice;
  return JSON.stringify({
    type: kind,
    timestamp: createdAt.toISOString(),
    data: { ...(practiceId === null ? {} : { practiceId }), ...data },
  });
}
