import { appendAudit } from '../db/audit-store.ts';
import { findPractice, lockPractice, type PracticeRow, setPracticeSettings } from '../db/practice-store.ts';
import type { Actor } from '../domain/access.ts';
import type { PracticeSettings, SettingDescription } from '../domain/settings.ts';
import { isSiloAsRecorded, queueUpdate } from '../workflows/queue-update.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

interface Setting extends SettingDescription {
  /** What is in effect, or will be once the silo is updated. */
  readonly value: string | number;
  /** Whether the practice has set it; otherwise the value is the shape's. */
  readonly isSet: boolean;
}

export interface SettingsOfPractice {
  readonly practice: Pick<PracticeRow, 'id' | 'shape' | 'revision'>;
  readonly settings: readonly Setting[];
}

export interface ChangedSettings extends SettingsOfPractice {
  /** The run that brings the silo to the settings; null when it has them already. */
  readonly runId: string | null;
}

/** Every setting that a practice may have, set or not. @throws DomainError `not_found` */
export async function readSettings(core: Core, practiceId: string): Promise<SettingsOfPractice> {
  const practice = await findPractice(core.db, practiceId);
  if (practice === undefined) throw notFound('practice');
  return settingsOf(core, practice);
}

/**
 * Replaces a practice's settings and starts the run that brings its silo to them, on the release that it has: settings, audit row
 * and run commit together. A setting that is left out goes back to what the plan's shape gives. The same settings begin a run only
 * when the one before has not brought the silo to them.
 * @throws DomainError `not_found`; `precondition_failed`; `invalid_input` with each setting that is unknown or out of
 * bounds; `wrong_state` (not active, or a run is open, which it names).
 */
export function changeSettings(
  core: Core,
  change: {
    readonly practiceId: string;
    readonly settings: unknown;
    readonly reason: string;
    readonly revision?: readonly number[] | undefined;
  },
  actor: Actor,
): Promise<ChangedSettings> {
  return core.db.transaction().execute(async (trx) => {
    const practice = await lockPractice(trx, change.practiceId);
    if (practice === undefined) throw notFound('practice');
    requireRevision(practice.revision, change.revision);
    const settings = core.shapes.parseSettings(practice.shape, change.settings);
    if (isSame(settings, practice.settings) && (await isSiloAsRecorded(trx, practice.id)))
      return { ...settingsOf(core, practice), runId: null };
    const { release_id: releaseId } = practice;
    if (releaseId === null) {
      throw wrongState(practice.state, `The practice is ${practice.state} and has no verified release yet.`);
    }
    const { reason } = change;
    const { runId } = await queueUpdate(core, trx, { practice, releaseId, reason }, actor);
    const at = core.clock.now();
    const revision = await setPracticeSettings(trx, practice.id, settings, at);
    await appendAudit(trx, {
      actor,
      action: 'practice.settings_changed',
      subject: { type: 'practice', id: practice.id },
      details: { reason, from: practice.settings, to: settings, runId },
      at,
    });
    return { ...settingsOf(core, { ...practice, settings, revision }), runId };
  });
}

function settingsOf(
  core: Core,
  practice: Pick<PracticeRow, 'id' | 'shape' | 'revision' | 'settings'>,
): SettingsOfPractice {
  const settings = core.shapes.describeSettings(practice.shape).map((description) => {
    const set = practice.settings[description.name];
    return { ...description, value: set ?? description.default, isSet: set !== undefined };
  });
  return { practice, settings };
}

function isSame(one: PracticeSettings, other: PracticeSettings): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => one[name] === other[name]);
}
