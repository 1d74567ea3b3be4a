import { randomUUID } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import { reserveCapacity } from '../db/capacity-store.ts';
import { listCells } from '../db/cell-store.ts';
import { type Trx, toJson } from '../db/database.ts';
import { findPractice, insertPractice } from '../db/practice-store.ts';
import { newestRelease } from '../db/release-store.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import { insertRun } from '../db/run-store.ts';
import { decideSignUp, lockSignUp, type SignUpRow } from '../db/sign-up-store.ts';
import { anyoneWaits } from '../db/waiting-store.ts';
import type { Actor } from '../domain/access.ts';
import type { Cell } from '../domain/cell.ts';
import { DomainError } from '../domain/errors.ts';
import { practiceIdFor } from '../domain/practice.ts';
import {
  type DemandSource,
  demandCounter,
  type Found,
  findRoom,
  hostNameIn,
  lockRoom,
} from '../workflows/find-room.ts';
import { refuseHalted } from '../workflows/halted-release.ts';
import { placeWaiting } from '../workflows/place-waiting.ts';
import type { Core } from './core.ts';
import { enrol, findPlace, type PlanFull, type PlanOffer, planFull } from './enrol.ts';
import { recordInvitation, type ShownInvitation } from './owner-invitation.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

export interface Approval {
  readonly signUp: SignUpRow;
  readonly practiceId: string;
  readonly runId: string;
  /** The cell that the practice was placed in; null when none has room: the practice waits, and so does its run. */
  readonly cellId: string | null;
  /** Why it waits; null when it was placed. */
  readonly waitingFor: string | null;
  /** Null when nobody was invited to be the first owner. */
  readonly ownerInvitation: ShownInvitation | null;
}

interface ApprovalRequest {
  readonly signUpId: string;
  readonly reason: string;
  readonly revision?: readonly number[] | undefined;
  /** Id of a plan, when it is to be another one than the sign-up's. */
  readonly plan?: string | undefined;
  /** How many the practice has; 1 unless told. */
  readonly locations?: number | undefined;
  /** Invites the sign-up's contact to be the practice's first owner. */
  readonly ownerInvitation?: { readonly tokenSha256: string } | undefined;
}

/**
 * Approves a sign-up and starts its provisioning: a place in the plan, capacity of a cell, practice, subscription, run with its steps, audit
 * rows and queue entry commit together or not at all. When the plan is full, a place on its waiting list is all that commits. The run
 * gets the newest published release. When no cell has room the practice waits, behind those that wait already, and is placed by itself
 * (lib/workflows/place-waiting.ts).
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` (decided already, or no agreement recorded); `plan_full`;
 * `conflict` (no release published, the plan has no version in effect or does not take the practice, or the invitation's token was used before);
 * `invalid_input` for an unknown plan, or when the contact's e-mail address cannot be an owner's.
 */
export async function approveSignUp(core: Core, change: ApprovalRequest, actor: Actor): Promise<Approval> {
  const approval = await core.db.transaction().execute((trx) => approve(core, trx, change, actor));
  // The place on the waiting list is on record by now.
  if ('position' in approval) throw planFull(approval);
  if (approval.waitingFor !== behindOthers) return approval;
  // There may be room for it and for those that wait.
  await placeWaiting(core);
  const practice = await findPractice(core.db, approval.practiceId);
  return { ...approval, cellId: practice?.cell_id ?? null, waitingFor: practice?.waitingFor ?? null };
}

async function approve(
  core: Core,
  trx: Trx,
  change: ApprovalRequest,
  actor: Actor,
): Promise<Approval | PlanFull> {
  const signUp = await lockSignUp(trx, change.signUpId);
  if (signUp === undefined) throw notFound('sign-up');
  requireRevision(signUp.revision, change.revision);
  requireApprovable(signUp);
  const now = core.clock.now();
  const releaseId = await releaseToRun(trx);
  const place = await findPlace(core, trx, { signUp, planId: change.plan ?? signUp.plan_id }, actor);
  if ('position' in place) return place;
  const found = await roomFor(core, trx, { releaseId, shape: place.terms.shape, settings: {} });
  const practiceId = await allocatePractice(trx, signUp, place, found.cell, now);
  const runId = await startProvisioning(core, trx, { practiceId, releaseId, found }, actor, now);
  const { reason, locations = 1 } = change;
  await enrol(core, trx, { practiceId, signUp, locations, offer: place, reason }, actor);
  const cellId = found.cell?.id ?? null;
  await appendAudit(trx, {
    actor,
    action: 'sign_up.approved',
    subject: { type: 'sign_up', id: signUp.id },
    details: {
      reason,
      practiceId,
      runId,
      releaseId,
      cellId,
      plan: { id: place.planId, version: place.planVersion },
    },
    at: now,
  });
  const ownerInvitation =
    change.ownerInvitation === undefined
      ? null
      : await recordInvitation(
          core,
          trx,
          {
            practiceId,
            tokenSha256: change.ownerInvitation.tokenSha256,
            email: signUp.contact.email,
            details: { reason, runId },
          },
          actor,
        );
  const decision = { state: 'approved', practiceId, by: actor.name, reason, at: now } as const;
  const approved = await decideSignUp(trx, signUp.id, decision);
  const waitingFor = found.cell === undefined ? found.waitingFor : null;
  return { signUp: approved, practiceId, runId, cellId, waitingFor, ownerInvitation };
}

const behindOthers = 'Practices that were approved before it are placed first.';

/** Nobody overtakes those that wait: where there is room, a practice waits behind them until its turn has come. */
async function roomFor(core: Core, trx: Trx, source: DemandSource): Promise<Found> {
  const demandIn = await demandCounter(core.shapes)(trx, source);
  // Counted before the cells are locked: nobody waits for arithmetic.
  for (const { region } of await listCells(trx)) demandIn(region);
  const found = findRoom(await lockRoom(trx), demandIn);
  const isFirst = found.cell === undefined || !(await anyoneWaits(trx));
  return isFirst ? found : { cell: undefined, waitingFor: behindOthers };
}

function requireApprovable(signUp: SignUpRow): void {
  if (signUp.state !== 'requested') {
    throw wrongState(signUp.state, `The sign-up is ${signUp.state} already and cannot be approved.`);
  }
  if (signUp.agreement === null) {
    throw wrongState(
      signUp.state,
      'The practice has not accepted the business associate agreement. Record the agreement first.',
    );
  }
}

async function releaseToRun(trx: Trx): Promise<string> {
  const release = await newestRelease(trx);
  if (release === undefined) {
    throw new DomainError(
      'conflict',
      'No release is published that is not halted, so there is nothing to provision. Publish a release, then approve again.',
    );
  }
  await refuseHalted(trx, release.id, null);
  return release.id;
}

/** So many practices may share a name. */
const maximumCandidates = 1_000;

/** The first id free for this display name. Ids of practices that are gone stay taken: their rows are never removed. */
async function allocatePractice(
  trx: Trx,
  signUp: SignUpRow,
  plan: PlanOffer,
  cell: Cell | undefined,
  now: Date,
): Promise<string> {
  for (let candidate = 1; candidate <= maximumCandidates; candidate += 1) {
    const id = practiceIdFor(signUp.display_name, candidate);
    const isOurs = await insertPractice(trx, {
      id,
      sign_up_id: signUp.id,
      display_name: signUp.display_name,
      disciplines: toJson(signUp.disciplines),
      us_state: signUp.us_state,
      time_zone: signUp.time_zone,
      plan_id: plan.planId,
      plan_version: plan.planVersion,
      shape: plan.terms.shape,
      cell_id: cell?.id ?? null,
      host_name: cell === undefined ? null : hostNameIn(cell, id),
      state: cell === undefined ? 'waiting' : 'provisioning',
      release_id: null,
      revision: 1,
      created_at: now,
      updated_at: now,
    });
    if (isOurs) return id;
  }
  throw new DomainError(
    'conflict',
    `No id is free for a practice named ${signUp.display_name}. Ask for another display name.`,
  );
}

async function startProvisioning(
  core: Core,
  trx: Trx,
  input: { readonly practiceId: string; readonly releaseId: string; readonly found: Found },
  actor: Actor,
  now: Date,
): Promise<string> {
  const { practiceId, releaseId, found } = input;
  const id = randomUUID();
  await insertRun(trx, {
    id,
    workflow: 'provision-practice',
    practiceId,
    input: { releaseId },
    steps: core.steps['provision-practice'],
    requestedBy: actor.name,
    waitingFor: found.cell === undefined ? found.waitingFor : undefined,
    now,
  });
  if (found.cell === undefined) {
    await appendRunEvents(trx, id, [{ kind: 'run', state: 'waiting', message: found.waitingFor }], now);
    return id;
  }
  await reserveCapacity(trx, {
    cellId: found.cell.id,
    practiceId,
    amounts: found.demand,
    reason: 'placed at the approval of its sign-up',
    runId: id,
    now,
  });
  await appendRunEvents(trx, id, [{ kind: 'run', state: 'queued' }], now);
  await core.queue.enqueue(trx, { id, practiceId, generation: 1 });
  return id;
}
