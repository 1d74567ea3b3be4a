import { DomainError, type FieldError } from './errors.ts';
import type { PracticeState } from './practice.ts';

/**
 * Where an offboarding stands (docs/life-cycle.md). `closing` and `cancelling` are work under way: access is being closed or being given
 * back. A `cancelled` one is history; `shredded` is the end.
 */
export const offboardingStages = [
  'closing',
  'grace',
  'cancelling',
  'deprovisioning',
  'retention',
  'key_deletion_pending',
  'shredded',
  'cancelled',
] as const;
export type OffboardingStage = (typeof offboardingStages)[number];

/** States from which a practice may be offboarded. */
export const offboardableStates = ['active', 'suspended', 'provisioning_failed'] as const;
export type CameFrom = (typeof offboardableStates)[number];

export function isOffboardable(state: PracticeState): state is CameFrom {
  return (offboardableStates as readonly PracticeState[]).includes(state);
}

/** What somebody has decided about an offboarding when asking for it. Whole days of 24 hours. */
export interface OffboardingTerms {
  readonly graceDays: number;
  readonly retentionDays: number;
  /** Why a time is shorter than it should be; null when none is. */
  readonly exception: string | null;
}

/** Seven years for the records, which is beyond the longest that US states ask of most practices for adults' records. */
const standardTerms = { graceDays: 30, retentionDays: 2_557 } as const;

/** Who keeps a key has a year, unless told, to say what the data is needed for. */
export const standardReprieveDays = 365;

/** Less needs a reason. Six years: 45 CFR 164.316(b)(2)(i). */
const leastTerms = { graceDays: 7, retentionDays: 2_190 } as const;

/** A hundred years: what is longer is a slip of the hand. */
export const mostDays = 36_525;

/** From the end of the retention until KMS deletes the key ("Deleting AWS KMS keys": the longest wait). */
const keyDeletionDays = 30;
/** AWS Backup deletes up to some hours after a copy's time, and the last one may be made while the exit is under way. */
const copySlackDays = 2;

/**
 * The least retention after which a practice's key can be said to have taken its data along: until the last second copy of a backup has
 * expired, what it holds is readable under the cell's key, and its vault's lock lets nobody delete it.
 */
const leastForCopies = (backupRetentionDays: number): number =>
  Math.max(0, backupRetentionDays + copySlackDays - keyDeletionDays);

/**
 * @param backupRetentionDays how long the practice's backups are kept
 * @throws DomainError `invalid_input` for a number of days out of range, a short one without a reason, or a retention that the second copies
 * of backups would outlive.
 */
export function offboardingTerms(
  asked: {
    readonly graceDays?: number | undefined;
    readonly retentionDays?: number | undefined;
    readonly exception?: string | undefined;
  },
  backupRetentionDays: number,
): OffboardingTerms {
  const terms = {
    graceDays: asked.graceDays ?? standardTerms.graceDays,
    retentionDays: asked.retentionDays ?? standardTerms.retentionDays,
    exception: asked.exception ?? null,
  };
  const wrong: FieldError[] = [];
  for (const name of ['graceDays', 'retentionDays'] as const) {
    const days = terms[name];
    if (!Number.isInteger(days) || days < 0 || days > mostDays) {
      wrong.push({ pointer: `/${name}`, message: `must be whole days from 0 to ${mostDays}` });
    } else if (days < leastTerms[name] && terms.exception === null) {
      const message = `is less than ${leastTerms[name]} days: say in exception why it may be`;
      wrong.push({ pointer: `/${name}`, message });
    }
  }
  const leastRetention = leastForCopies(backupRetentionDays);
  if (wrong.length === 0 && terms.retentionDays < leastRetention) {
    const message =
      `must be at least ${leastRetention} days: its backups are kept for ${backupRetentionDays} days, and their second copies, which AWS lets nobody ` +
      "delete before, are under the cell's key and would still be readable when its own is gone";
    wrong.push({ pointer: '/retentionDays', message });
  }
  if (wrong.length === 0) return terms;
  throw new DomainError('invalid_input', 'The times of this offboarding cannot be taken.', { fields: wrong });
}

const dayMs = 86_400_000;

export function daysAfter(at: Date, days: number): Date {
  return new Date(at.getTime() + days * dayMs);
}

/** The final snapshot as it was read back, before anything was removed. */
export interface FinalSnapshot {
  readonly id: string;
  readonly arn: string;
  readonly allocatedGib: number;
  readonly engineVersion: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
}

/** Something that a removed stack left standing, by CloudFormation's type and the service's own name for it. */
export interface KeptResource {
  readonly type: string;
  readonly id: string;
}

/** "Deleting AWS KMS keys": the key may go up to 24 hours later than the date that KMS gave. */
const keyDeletionSlackDays = 1;

/** Keys that KMS was to delete before this time are gone by `now`. */
export const keysGoneBefore = (now: Date): Date => daysAfter(now, -keyDeletionSlackDays);

/** How an offboarding stands, as far as its clocks are concerned. Times are null until what they tell was observed. */
export interface OffboardingClock {
  readonly stage: OffboardingStage;
  readonly graceDays: number;
  readonly retentionDays: number;
  readonly graceBeganAt: Date | null;
  readonly graceEndsAt: Date | null;
  readonly deprovisioningBeganAt: Date | null;
  /** When the first removal was about to be asked for: from here on nothing can be taken back. */
  readonly removalBeganAt: Date | null;
  readonly deprovisionedAt: Date | null;
  readonly retentionEndsAt: Date | null;
  readonly keyDeletionScheduledAt: Date | null;
  /** The date that KMS gave. */
  readonly keyDeletionAt: Date | null;
  readonly shreddedAt: Date | null;
  /** When what AWS had still to empty is looked at again; null when nothing is left. */
  readonly purgeAgainAt: Date | null;
}

type StageRun = 'deprovision-practice' | 'shred-practice' | 'purge-practice';

/** The run that a stage is to begin with when its time has come, and when that is. */
export function nextRun(
  clock: OffboardingClock,
): { readonly workflow: StageRun; readonly at: Date } | undefined {
  switch (clock.stage) {
    case 'grace':
      return due('deprovision-practice', clock.graceEndsAt);
    case 'retention':
      return due('shred-practice', clock.retentionEndsAt);
    case 'key_deletion_pending':
      return due(
        'purge-practice',
        clock.keyDeletionAt && daysAfter(clock.keyDeletionAt, keyDeletionSlackDays),
      );
    case 'shredded':
      return due('purge-practice', clock.purgeAgainAt);
    case 'closing':
    case 'cancelling':
    case 'deprovisioning':
    case 'cancelled':
      return undefined;
  }
}

const due = (workflow: StageRun, at: Date | null) => (at === null ? undefined : { workflow, at });

/** What taking an offboarding back means at a stage; or why it cannot be taken back. */
export type TakeBack =
  | { readonly by: 'record' | 'resume-practice' | 'keep-key' }
  | { readonly refused: string };

/** @param runAtWork whether a run is at work on the stage, or has failed there and waits to be retried */
export function takeBack(
  { stage, removalBeganAt }: Pick<OffboardingClock, 'stage' | 'removalBeganAt'>,
  cameFrom: CameFrom,
  runAtWork: boolean,
): TakeBack {
  switch (stage) {
    case 'closing':
      return { refused: 'Access is being closed. Cancel that run, or ask again when it has ended.' };
    case 'grace':
      return { by: cameFrom === 'active' ? 'resume-practice' : 'record' };
    case 'cancelling':
      return { refused: 'It is being taken back already: follow or retry that run.' };
    case 'deprovisioning':
      return {
        refused:
          removalBeganAt === null
            ? 'The final snapshot is being made and nothing is removed yet: cancel that run, which takes it back to the grace period.'
            : `Its infrastructure is being removed since ${removalBeganAt.toISOString()}: nothing of that comes back. A failed run is retried.`,
      };
    case 'retention':
      return {
        refused:
          'Its infrastructure is gone. What the practice had is in the final snapshot: docs/runbooks/offboarding.md says how to restore it.',
      };
    case 'key_deletion_pending':
      return runAtWork
        ? { refused: 'The key is gone and what it protected is being deleted.' }
        : { by: 'keep-key' };
    case 'shredded':
      return { refused: 'Its key is destroyed: what was encrypted with it is unreadable for good.' };
    case 'cancelled':
      return { refused: 'It was taken back already.' };
  }
}

/** One line of the plan that people see. */
export interface StageLine {
  readonly stage: 'grace' | 'deprovisioning' | 'retention' | 'key_deletion_pending' | 'shredded';
  readonly state: 'done' | 'current' | 'planned';
  /** When it began; of a planned one when it would begin if nothing came in between, as far as that is known. */
  readonly beginsAt: Date | null;
  /** Until when it can be taken back from this stage; null when it cannot be, or when that has no end that is known yet. */
  readonly canBeTakenBackUntil: Date | null;
}

/** Every stage of an offboarding with its times: those that were observed, and those that follow from them by its terms. */
export function stageLines(clock: OffboardingClock): StageLine[] {
  const deprovisioning = clock.deprovisioningBeganAt ?? clock.graceEndsAt;
  const retention = clock.deprovisionedAt ?? deprovisioning;
  const pending =
    clock.keyDeletionScheduledAt ??
    clock.retentionEndsAt ??
    (retention && daysAfter(retention, clock.retentionDays));
  const keyGone = clock.keyDeletionAt ?? (pending && daysAfter(pending, keyDeletionDays));
  const begun: readonly Omit<StageLine, 'state'>[] = [
    { stage: 'grace', beginsAt: clock.graceBeganAt, canBeTakenBackUntil: deprovisioning },
    { stage: 'deprovisioning', beginsAt: deprovisioning, canBeTakenBackUntil: clock.removalBeganAt },
    { stage: 'retention', beginsAt: retention, canBeTakenBackUntil: null },
    { stage: 'key_deletion_pending', beginsAt: pending, canBeTakenBackUntil: keyGone },
    { stage: 'shredded', beginsAt: clock.shreddedAt ?? keyGone, canBeTakenBackUntil: null },
  ];
  const current = begun.findIndex(({ stage }) => stage === shownStage(clock.stage));
  return begun.map((line, place) => ({
    ...line,
    state: stateOf(place, current, clock.stage),
  }));
}

/** A stage under way belongs to the one that it comes from. */
function shownStage(stage: OffboardingStage): OffboardingStage {
  return stage === 'cancelling' ? 'grace' : stage;
}

function stateOf(place: number, current: number, stage: OffboardingStage): StageLine['state'] {
  if (place > current) return 'planned';
  return place < current || stage === 'shredded' ? 'done' : 'current';
}

/**
 * The final snapshot's name: it tells the practice and is nobody else's, because the run is not. RDS takes up to 255 letters, digits and
 * single hyphens ("CreateDBSnapshot").
 */
export function finalSnapshotName(practiceId: string, runId: string): string {
  return `lumenality-${practiceId}-final-${runId.slice(0, 8)}`.replace(/-{2,}/g, '-');
}
