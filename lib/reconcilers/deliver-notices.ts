import { appendAudit } from '../db/audit-store.ts';
import type { Db } from '../db/database.ts';
import {
  type ClaimedNotice,
  cancelClaimed,
  claimDelivery,
  type DeliveryClaim,
  type DeliveryOutcome,
  readClaimed,
  recordOutcome,
  releaseDelivery,
} from '../db/notice-delivery-store.ts';
import { recordSent } from '../db/subscription-notice-store.ts';
import { systemActor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { nextTryAt, webhookBody } from '../domain/notice-delivery.ts';
import { noticeMail } from '../domain/notice-mail.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { NoticePorts } from '../ports/notice-ports.ts';
import { periodically, type Repeating } from './periodically.ts';
import { workOff } from './work-off.ts';

export interface NoticeParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly notices: NoticePorts;
  /** How often this process asks what is due; 1 second unless told. */
  readonly everyMs?: number;
}

/** Deliveries at once in one process: slow receivers do not hold up the others. */
const width = 8;
/** Longer than any try takes. What a process left that died is tried again after so long. */
const claimMs = 300_000;

/**
 * Sends notices to where they belong, at least once each: a process that dies between sending and recording leaves it to be sent again,
 * under the same id. Any number of processes may do so at the same time.
 */
export function deliverNotices(parts: NoticeParts): Repeating {
  return periodically('deliver-notices', parts.everyMs ?? 1_000, parts.log, (signal) =>
    deliverDue(parts, signal),
  );
}

/** One pass: everything that is due, and what becomes due by it. */
export function deliverDue(parts: NoticeParts, signal?: AbortSignal): Promise<void> {
  const claim = () => claimNext(parts);
  const work = (claimed: DeliveryClaim) => deliver(parts, claimed, signal);
  return workOff({ width, claim, work }, signal);
}

function claimNext({ db, clock }: NoticeParts): Promise<DeliveryClaim | undefined> {
  const now = clock.now();
  return claimDelivery(db, { now, until: new Date(now.getTime() + claimMs) });
}

async function deliver(parts: NoticeParts, claim: DeliveryClaim, signal?: AbortSignal): Promise<void> {
  const { db, clock } = parts;
  const notice = await readClaimed(db, claim);
  if (notice === undefined) {
    // Whoever removed its endpoint while the notice was being written did not see it.
    await cancelClaimed(db, claim, clock.now());
    return;
  }
  const outcome = await tryOnce(parts, claim, notice, signal);
  // A process that stops leaves it to the next one at once.
  if (outcome === 'interrupted') await releaseDelivery(db, claim);
  else await keep(parts, claim, notice, outcome);
}

async function tryOnce(
  { notices, clock }: NoticeParts,
  claim: DeliveryClaim,
  notice: ClaimedNotice,
  signal: AbortSignal | undefined,
): Promise<DeliveryOutcome | 'interrupted'> {
  try {
    await send(notices, clock.now(), claim, notice, signal);
    return { delivered: true };
  } catch (error) {
    if (signal?.aborted === true) return 'interrupted';
    if (!(error instanceof DomainError)) throw error;
    // A key that is missing comes back by configuration: as long as it may, the notice waits for it.
    const mayWork = error.retryable || error.code === 'configuration';
    const again = mayWork ? nextTryAt(claim.attempt, clock.now(), claim.giveUpAt, Math.random()) : null;
    return { delivered: false, error: error.publicMessage, again };
  }
}

function send(
  { webhooks, mailer, secrets }: NoticePorts,
  now: Date,
  claim: DeliveryClaim,
  notice: ClaimedNotice,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { to, practice } = notice;
  if (to.channel === 'webhook') {
    const { endpointId, url, previousSecret, previousSecretUntil: until } = to;
    const sealed = [
      to.secret,
      ...(previousSecret !== null && until !== null && until > now ? [previousSecret] : []),
    ];
    const message = {
      id: notice.id,
      url,
      body: webhookBody({ ...notice, practiceId: practice?.id ?? null }),
      secrets: sealed.map((secret) => secrets.open(secret, endpointId)),
    };
    return webhooks.post(message, signal);
  }
  if (practice === null) throw new Error(`The notice ${notice.id} is a mail and has no practice.`);
  const mail = noticeMail({ ...notice, practice }, mailer.from);
  return mailer.send({ id: claim.id, to: to.address, ...mail });
}

/** One that is given up is in the audit trail too: somebody was not told. */
async function keep(
  { db, clock, log }: NoticeParts,
  claim: DeliveryClaim,
  notice: ClaimedNotice,
  outcome: DeliveryOutcome,
): Promise<void> {
  const now = clock.now();
  const about = { noticeId: notice.id, deliveryId: claim.id, attempt: claim.attempt };
  const kept = await db.transaction().execute(async (trx) => {
    const recorded = await recordOutcome(trx, claim, outcome, now);
    // A webhook does not count: nobody knows whether a person reads it.
    if (recorded && outcome.delivered && notice.to.channel === 'mail') await recordSent(trx, notice.id, now);
    if (!recorded || outcome.delivered || outcome.again !== null) return recorded;
    await appendAudit(trx, {
      actor: systemActor,
      action: 'notice.given_up',
      subject: { type: 'notice', id: notice.id },
      details: {
        deliveryId: claim.id,
        channel: notice.to.channel,
        attempts: claim.attempt,
        error: outcome.error,
      },
      at: now,
    });
    return true;
  });
  if (!kept) {
    log.warn(about, 'a notice was sent after its claim had been lost: its receiver may have it twice');
  } else if (!outcome.delivered) {
    const words = outcome.again === null ? 'a notice was given up' : 'a notice was not taken; later again';
    log.warn({ ...about, reason: outcome.error, again: outcome.again }, words);
  }
}
