import { appendAudit } from '../db/audit-store.ts';
import type { Connection, Trx } from '../db/database.ts';
import { findPractice, lockPractice } from '../db/practice-store.ts';
import { readRelease } from '../db/release-store.ts';
import { putSchedule, readFreezes, readSchedules, type ScheduleChange } from '../db/schedule-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import {
  checkWindow,
  type MaintenanceWindow,
  nextOccurrences,
  type WindowOccurrence,
} from '../domain/maintenance-window.ts';
import { windowInWords } from '../domain/maintenance-window-words.ts';
import type { PracticeState } from '../domain/practice.ts';
import {
  type Deferral,
  type Freeze,
  type Hold,
  holdsAt,
  type Pin,
  type PracticeSchedule,
  type Ring,
  requireEnd,
} from '../domain/schedule.ts';
import { requirePublished } from './begin-change.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

/** A window to come, and what keeps updates from starting when it opens; of one that is open, what keeps them now. */
export interface UpcomingWindow extends WindowOccurrence {
  readonly heldBy: readonly Hold[];
}

/** A practice's schedule as it stands: a pin or a deferral that has passed is no more in it. */
export interface ScheduleOfPractice extends PracticeSchedule {
  /** "Sundays 02:00 for 4 h, America/Chicago". */
  readonly inWords: string;
  /** Those of the practice and of the fleet that hold now or later, earliest first. */
  readonly freezes: readonly Freeze[];
  /** Null for a practice that is gone. */
  readonly next: UpcomingWindow | null;
}

/** @throws DomainError `not_found` */
export function readSchedule(core: Core, practiceId: string): Promise<ScheduleOfPractice> {
  return scheduleOf(core, core.db, practiceId);
}

/** The next windows of a practice, in order; one that is open counts. @throws DomainError `not_found` */
export async function readUpcomingWindows(
  core: Core,
  practiceId: string,
  limit: number,
): Promise<{ readonly inWords: string; readonly windows: readonly UpcomingWindow[] }> {
  const { state, schedule, freezes } = await asItStands(core, core.db, practiceId);
  return {
    inWords: windowInWords(schedule.window),
    windows: upcoming(core, state, schedule, freezes, limit),
  };
}

/** What every change of a schedule says of itself. */
export interface ScheduleChangeRequest {
  readonly practiceId: string;
  readonly revision?: readonly number[] | undefined;
}

/**
 * Sets window and ring. Updates that are running are not touched.
 * @throws DomainError `not_found`; `precondition_failed`; `invalid_input` with what is wrong about the window; `wrong_state`
 */
export function changeSchedule(
  core: Core,
  change: ScheduleChangeRequest & {
    /** Null for the default of the practice's zone. */
    readonly window: MaintenanceWindow | null;
    readonly ring: Ring;
    readonly reason?: string | undefined;
  },
  actor: Actor,
): Promise<ScheduleOfPractice> {
  const { window, ring, reason } = change;
  if (window !== null) checkWindow(window, '/window');
  return changed(core, change, actor, async ({ schedule }) => ({
    change: { window, ring },
    action: 'practice.schedule_changed',
    details: {
      from: { window: schedule.window, ring: schedule.ring },
      to: { window, ring },
      ...(reason === undefined ? {} : { reason }),
    },
  }));
}

/**
 * Keeps a practice on a release until then, at most 180 days; a security deadline goes over it.
 * @throws DomainError `not_found`; `precondition_failed`; `invalid_input`; `wrong_state`
 */
export function pinPractice(
  core: Core,
  { practiceId, revision, ...pin }: ScheduleChangeRequest & Pin,
  actor: Actor,
): Promise<ScheduleOfPractice> {
  requireEnd('pin', core.clock.now(), pin.until);
  return changed(core, { practiceId, revision }, actor, async ({ trx }) => {
    await requirePublished(trx, pin.releaseId);
    await refuseHalted(trx, pin.releaseId);
    return { change: { pin }, action: 'practice.pinned', details: { ...pin } };
  });
}

/**
 * Keeps updates from a practice until then, at most 60 days; a security deadline goes over it.
 * @throws DomainError `not_found`; `precondition_failed`; `invalid_input`; `wrong_state`
 */
export function deferPractice(
  core: Core,
  { practiceId, revision, ...deferral }: ScheduleChangeRequest & Deferral,
  actor: Actor,
): Promise<ScheduleOfPractice> {
  requireEnd('deferral', core.clock.now(), deferral.until);
  return changed(core, { practiceId, revision }, actor, async () => ({
    change: { deferral },
    action: 'practice.deferred',
    details: { ...deferral },
  }));
}

/** Takes a pin back; without one nothing changes. @throws DomainError `not_found`; `precondition_failed`; `wrong_state` */
export function unpinPractice(
  core: Core,
  change: ScheduleChangeRequest,
  actor: Actor,
): Promise<ScheduleOfPractice> {
  return changed(core, change, actor, async ({ schedule }) =>
    schedule.pin === null
      ? undefined
      : { change: { pin: null }, action: 'practice.unpinned', details: { from: schedule.pin } },
  );
}

/** Takes a deferral back; without one nothing changes. @throws DomainError `not_found`; `precondition_failed`; `wrong_state` */
export function undeferPractice(
  core: Core,
  change: ScheduleChangeRequest,
  actor: Actor,
): Promise<ScheduleOfPractice> {
  return changed(core, change, actor, async ({ schedule }) =>
    schedule.deferral === null
      ? undefined
      : { change: { deferral: null }, action: 'practice.undeferred', details: { from: schedule.deferral } },
  );
}

/** Nobody is to stay on what was stopped. */
async function refuseHalted(trx: Trx, releaseId: string): Promise<void> {
  const release = await readRelease(trx, releaseId);
  if (release?.state !== 'halted') return;
  throw new DomainError('invalid_input', `Release ${releaseId} is halted: no practice is kept on it.`, {
    fields: [{ pointer: '/releaseId', message: 'must be a release that nobody has halted' }],
  });
}

interface Decided {
  readonly change: ScheduleChange;
  readonly action: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Change and audit row in one transaction, unless there is nothing to change. */
function changed(
  core: Core,
  { practiceId, revision }: ScheduleChangeRequest,
  actor: Actor,
  decide: (of: { readonly trx: Trx; readonly schedule: PracticeSchedule }) => Promise<Decided | undefined>,
): Promise<ScheduleOfPractice> {
  return core.db.transaction().execute(async (trx) => {
    const practice = await lockPractice(trx, practiceId);
    if (practice === undefined) throw notFound('practice');
    if (isGone(practice.state)) {
      throw wrongState(practice.state, `The practice is ${practice.state}: there is nothing left to update.`);
    }
    const [schedule] = await readSchedules(trx, [practiceId]);
    if (schedule === undefined) throw notFound('practice');
    requireRevision(schedule.revision, revision);
    const decided = await decide({ trx, schedule });
    if (decided !== undefined) {
      const at = core.clock.now();
      await putSchedule(trx, practiceId, decided.change, at);
      const subject = { type: 'practice', id: practiceId };
      await appendAudit(trx, { actor, action: decided.action, subject, details: decided.details, at });
    }
    return scheduleOf(core, trx, practiceId);
  });
}

const isGone = (state: PracticeState): boolean =>
  state === 'deprovisioned' || state === 'provisioning_cancelled';

async function scheduleOf(
  core: Core,
  connection: Connection,
  practiceId: string,
): Promise<ScheduleOfPractice> {
  const { state, schedule, freezes } = await asItStands(core, connection, practiceId);
  const [next = null] = upcoming(core, state, schedule, freezes, 1);
  return { ...schedule, inWords: windowInWords(schedule.window), freezes, next };
}

async function asItStands(core: Core, connection: Connection, practiceId: string) {
  const now = core.clock.now();
  const practice = await findPractice(connection, practiceId);
  const [recorded] = await readSchedules(connection, [practiceId]);
  if (practice === undefined || recorded === undefined) throw notFound('practice');
  const concerning = (freeze: Freeze) => freeze.practiceId === null || freeze.practiceId === practiceId;
  const schedule: PracticeSchedule = {
    ...recorded,
    pin: unlessPassed(recorded.pin, now),
    deferral: unlessPassed(recorded.deferral, now),
  };
  return {
    state: practice.state,
    schedule,
    freezes: (await readFreezes(connection, now)).filter(concerning),
  };
}

const unlessPassed = <Ending extends { readonly until: Date }>(ending: Ending | null, now: Date) =>
  ending !== null && ending.until > now ? ending : null;

function upcoming(
  core: Core,
  state: PracticeState,
  schedule: PracticeSchedule,
  freezes: readonly Freeze[],
  limit: number,
): UpcomingWindow[] {
  if (isGone(state)) return [];
  const now = core.clock.now();
  return nextOccurrences(schedule.window, now, limit).map((occurrence) => ({
    ...occurrence,
    heldBy: holdsAt(schedule, freezes, occurrence.startsAt > now ? occurrence.startsAt : now),
  }));
}
