import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { listStatements } from '../db/statement-store.ts';
import { findLink, insertLink, removeLink } from '../db/subscription-link-store.ts';
import { lockSubscription } from '../db/subscription-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Statement } from '../domain/statement.ts';
import { addressKeyHash, newAddressKey } from './address-key.ts';
import type { Core } from './core.ts';
import { readPractice } from './read-practices.ts';
import { type Projected, projectionOf } from './subscription-projection.ts';
import {
  lookAtSubscription,
  overviewOf,
  requireSubscription,
  type SubscriptionOverview,
} from './subscriptions.ts';

/** What a practice sees of its own subscription. */
export interface OwnSubscription {
  readonly displayName: string;
  readonly subscription: SubscriptionOverview;
  readonly projection: Projected;
  /** The newest first. */
  readonly statements: readonly Statement[];
}

/** Calendar months that a practice sees ahead, and statements that it sees of what was. */
const monthsAhead = 24;
const statementsShown = 24;

/**
 * Gives a practice's subscription a new address; an older one stops at once. Whoever has the key can read the subscription, so it is
 * answered this once and kept as its SHA-256.
 * @throws DomainError `not_found`
 */
export async function renewLink(
  core: Core,
  practiceId: string,
  actor: Actor,
): Promise<{ readonly key: string }> {
  const { key, keySha256 } = newAddressKey();
  await change(core, practiceId, 'subscription.link_made', actor, async (trx) => {
    const replaced = await removeLink(trx, practiceId);
    const createdAt = core.clock.now();
    await insertLink(trx, { practiceId, keySha256, createdBy: actor.name, createdAt });
    return { replaced };
  });
  return { key };
}

/** Takes the address of a practice's subscription away; without one nothing changes. @throws DomainError `not_found` */
export function withdrawLink(core: Core, practiceId: string, actor: Actor): Promise<void> {
  return change(core, practiceId, 'subscription.link_withdrawn', actor, async (trx) =>
    (await removeLink(trx, practiceId)) ? {} : undefined,
  );
}

/** @throws DomainError `not_found`, the same for whatever is no key */
export async function readOwnSubscription(core: Core, key: string): Promise<OwnSubscription> {
  const practiceId = await findLink(core.db, addressKeyHash(key));
  if (practiceId === undefined) throw new DomainError('not_found', 'There is no such subscription.');
  const { display_name: displayName } = await readPractice(core, practiceId);
  const found = await lookAtSubscription(core, practiceId);
  const subscription = await overviewOf(core, found);
  const projection = await projectionOf(core, found, monthsAhead);
  const { items: statements } = await listStatements(core.db, { practiceId, limit: statementsShown });
  return { displayName, subscription, projection, statements };
}

/** `work` answers the details of its audit row, or nothing when nothing changed. */
async function change(
  core: Core,
  practiceId: string,
  action: string,
  actor: Actor,
  work: (trx: Trx) => Promise<Readonly<Record<string, unknown>> | undefined>,
): Promise<void> {
  await requireSubscription(core, practiceId);
  await core.db.transaction().execute(async (trx) => {
    await lockSubscription(trx, practiceId);
    const details = await work(trx);
    if (details === undefined) return;
    const subject = { type: 'subscription', id: practiceId };
    await appendAudit(trx, { actor, action, subject, details, at: core.clock.now() });
  });
}
