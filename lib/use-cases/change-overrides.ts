import { randomUUID } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import {
  type ChangeOverrideRow,
  findOverride,
  insertOverride,
  lockOverride,
  listOverrides as overrideRows,
  setOverrideRevoked,
} from '../db/change-override-store.ts';
import type { Trx } from '../db/database.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { lockPractice } from '../db/practice-store.ts';
import { readReleaseTemplates } from '../db/release-store.ts';
import type { Actor } from '../domain/access.ts';
import type { ChangeOverride } from '../domain/change-review.ts';
import { isStateful, whyNeverOverridden } from '../domain/change-review-resources.ts';
import { DomainError } from '../domain/errors.ts';
import type { Component } from '../domain/release.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { readPractice } from './read-practices.ts';
import { notFound, wrongState } from './refusals.ts';

export type { ChangeOverrideRow };

export interface OverrideRequest {
  readonly practiceId: string;
  readonly component: Component;
  readonly logicalId: string;
  readonly effect: ChangeOverride['effect'];
  readonly reason: string;
  readonly expiresInMinutes: number;
}

/**
 * Allows one change that the review would refuse: the replacement or removal of one stateful resource of one practice, by one run,
 * before it expires. Recorded with its audit row, once for each idempotency key.
 * @throws DomainError `not_found`; `wrong_state` (no verified release yet); `invalid_input` (no such resource, or one that needs no
 * override); `change_refused` (a key or a vault).
 */
export function createOverride(
  core: Core,
  request: OverrideRequest,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<{ readonly id: string }>> {
  const scope = `POST /v1/practices/:id/change-overrides ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request }, async (trx) => ({
    status: 201,
    body: { id: await record(core, trx, request, actor) },
  }));
}

/** Newest first; also those that were used, revoked or have expired. @throws DomainError `not_found` */
export async function listOverrides(
  core: Core,
  practiceId: string,
  page: PageRequest,
): Promise<Page<ChangeOverrideRow>> {
  await readPractice(core, practiceId);
  return overrideRows(core.db, { ...page, practiceId });
}

/** @throws DomainError `not_found` */
export async function readOverride(
  core: Core,
  of: { readonly practiceId: string; readonly id: string },
): Promise<ChangeOverrideRow> {
  return requireFound(await findOverride(core.db, of));
}

/** Takes an override back; one that is revoked already stays as it is. @throws DomainError `not_found` */
export function revokeOverride(
  core: Core,
  of: { readonly practiceId: string; readonly id: string },
  actor: Actor,
): Promise<void> {
  return core.db.transaction().execute(async (trx) => {
    const override = requireFound(await lockOverride(trx, of));
    if (override.revoked_at !== null) return;
    const at = core.clock.now();
    await setOverrideRevoked(trx, override.id, actor.name, at);
    await appendAudit(trx, {
      actor,
      action: 'change_override.revoked',
      subject: { type: 'practice', id: of.practiceId },
      details: { overrideId: override.id, logicalId: override.logical_id, usedByRun: override.used_by_run },
      at,
    });
  });
}

function requireFound(override: ChangeOverrideRow | undefined): ChangeOverrideRow {
  if (override !== undefined) return override;
  throw new DomainError('not_found', 'There is no such override. List them to find the id.');
}

const minute = 60_000;

async function record(core: Core, trx: Trx, request: OverrideRequest, actor: Actor): Promise<string> {
  const { practiceId, component, logicalId, effect, reason, expiresInMinutes } = request;
  const practice = await lockPractice(trx, practiceId);
  if (practice === undefined) throw notFound('practice');
  if (practice.release_id === null) {
    throw wrongState(
      practice.state,
      `The practice is ${practice.state} and has nothing yet that could be lost.`,
    );
  }
  const type = await typeOf(trx, practice.release_id, component, logicalId);
  requireOverridable(type, logicalId);
  const at = core.clock.now();
  const override = await insertOverride(trx, {
    id: randomUUID(),
    practice_id: practiceId,
    component,
    logical_id: logicalId,
    resource_type: type,
    effect,
    reason,
    created_by: actor.name,
    created_at: at,
    expires_at: new Date(at.getTime() + expiresInMinutes * minute),
  });
  await appendAudit(trx, {
    actor,
    action: 'change_override.created',
    subject: { type: 'practice', id: practiceId },
    details: {
      overrideId: override.id,
      component,
      logicalId,
      type,
      effect,
      reason,
      expiresAt: override.expires_at,
    },
    at,
  });
  return override.id;
}

/** The type of a resource that the practice has now, by the templates of its release. */
async function typeOf(trx: Trx, releaseId: string, component: Component, logicalId: string): Promise<string> {
  const release = await readReleaseTemplates(trx, releaseId);
  if (release === undefined) throw notFound('release');
  const template = JSON.parse(release.templates[component]) as {
    readonly Resources?: Readonly<Record<string, { readonly Type?: string }>>;
  };
  const resources = template.Resources ?? {};
  const type = Object.hasOwn(resources, logicalId) ? resources[logicalId]?.Type : undefined;
  if (type !== undefined) return type;
  throw new DomainError(
    'invalid_input',
    `The ${component} stack of release ${releaseId} has no ${logicalId}.`,
    {
      fields: [{ pointer: '/logicalId', message: 'must be the logical id of a resource in this stack' }],
    },
  );
}

function requireOverridable(type: string, logicalId: string): void {
  const never = whyNeverOverridden(type);
  if (never !== undefined) {
    throw new DomainError(
      'change_refused',
      `No override lets ${logicalId} (${type}) be replaced or removed: ${never}. It ends by offboarding alone.`,
    );
  }
  if (isStateful(type)) return;
  throw new DomainError('invalid_input', `${logicalId} (${type}) is not under the review's guard.`, {
    fields: [{ pointer: '/logicalId', message: 'needs no override: it keeps nothing that could be lost' }],
  });
}
