import type { ChangeOverrideRow } from '../lib/use-cases/change-overrides.ts';
import type { SettingsOfPractice } from '../lib/use-cases/practice-settings.ts';
import type { Override, Settings } from './contracts/changes.ts';

export function toSettings({ practice, settings }: SettingsOfPractice): Settings {
  return {
    practiceId: practice.id,
    shape: practice.shape,
    settings: settings.map(({ name, type, value, isSet, default: standard, bounds, description }) => ({
      name,
      type,
      value,
      isSet,
      default: standard,
      bounds,
      description,
    })),
  };
}

export function toOverride(row: ChangeOverrideRow, now: Date): Override {
  return {
    id: row.id,
    practiceId: row.practice_id,
    component: row.component,
    logicalId: row.logical_id,
    resourceType: row.resource_type,
    effect: row.effect,
    state: stateOf(row, now),
    reason: row.reason,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    usedByRun: row.used_by_run,
    usedAt: row.used_at?.toISOString() ?? null,
    guardRestoredAt: row.guard_restored_at?.toISOString() ?? null,
    revokedBy: row.revoked_by,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  };
}

/** A use is history that nothing undoes, so it comes before what happened to the override later. */
function stateOf(row: ChangeOverrideRow, now: Date): Override['state'] {
  if (row.used_at !== null) return 'used';
  if (row.revoked_at !== null) return 'revoked';
  return row.expires_at <= now ? 'expired' : 'usable';
}
