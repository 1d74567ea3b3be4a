import { randomUUID } from 'node:crypto';
import { listAudit } from '../../lib/db/audit-store.ts';
import { type Database, toJson } from '../../lib/db/database.ts';
import { insertRollout, readRollout, setRolloutStarted } from '../../lib/db/rollout-store.ts';
import { readRun } from '../../lib/db/run-store.ts';
import { putSchedule } from '../../lib/db/schedule-store.ts';
import { defaultPolicy, type RolloutPolicy } from '../../lib/domain/rollout.ts';
import { planRollout } from '../../lib/domain/rollout-plan.ts';
import type { RunError } from '../../lib/domain/run.ts';
import type { Ring } from '../../lib/domain/schedule.ts';
import { advanceDue, type RolloutParts } from '../../lib/reconcilers/advance-rollouts.ts';
import { startTestApi, type TestApi } from './api.ts';
import { openAccess } from './cells.ts';
import { publishTestRelease } from './database.ts';
import { insertPracticeRun, silent } from './runs.ts';

const minute = 60_000;

/** Practices with schedules and releases in a database, a clock that the test moves, and runs that end as the test says. */
export interface RolloutFleet {
  readonly api: TestApi;
  /** Ids of releases in the order of publication; every practice runs the first. */
  readonly releases: readonly [string, string, string];
  /** An active practice on the first release, open to updates every day from 02:00 to 06:00 UTC. */
  practice(id: string, ring?: Ring): Promise<void>;
  /** Plans a release for practices and starts it; answers the rollout's id. */
  rollout(of: {
    readonly releaseId: string;
    readonly policy?: Partial<RolloutPolicy>;
    readonly horizonDays?: number;
    readonly start?: boolean;
  }): Promise<string>;
  /** Moves the clock. */
  at(time: string): void;
  /** One pass; answers what it did, in words, in order. */
  pass(also?: Partial<RolloutParts>): Promise<string[]>;
  /** Ends the run that a practice has open, as a worker would. */
  end(practiceId: string, error?: Partial<RunError>): Promise<string>;
  targets(rolloutId: string): Promise<Record<string, string>>;
  state(rolloutId: string): Promise<string>;
  /** The audit trail of a rollout, oldest first: each action with its details. */
  audit(rolloutId: string): Promise<{ readonly action: string; readonly practiceId?: unknown }[]>;
  close(): Promise<void>;
}

/** @param given a migrated database in place of one of its own; closed with the fleet */
export async function startRolloutFleet(given?: Database): Promise<RolloutFleet> {
  const api = await startTestApi({}, openAccess, given);
  const { db } = api.database;
  api.clock.at = new Date('2026-11-20T12:00:00Z');
  const releases = [
    await publishTestRelease(api.database, 'a', api.clock.at),
    await publishTestRelease(api.database, 'b', api.clock.at),
    await publishTestRelease(api.database, 'c', api.clock.at),
  ] as const;
  const known: { id: string; ring: Ring }[] = [];
  const window = { rule: 'FREQ=DAILY;BYHOUR=2;BYMINUTE=0', durationMinutes: 240, timeZone: 'Etc/UTC' };
  const openRun = async (practiceId: string) => {
    const open = await db
      .selectFrom('run')
      .select('id')
      .where('practice_id', '=', practiceId)
      .where('state', '=', 'queued')
      .executeTakeFirstOrThrow();
    return open.id;
  };
  return {
    api,
    releases,
    practice: async (id, ring = 'general') => {
      const now = new Date(api.clock.at.getTime() - minute);
      const runId = await insertPracticeRun(
        db,
        { practiceId: id, steps: ['prepare'] },
        async () => undefined,
      );
      const past = { created_at: now, state: 'succeeded', finished_at: now } as const;
      await db.updateTable('run').set(past).where('id', '=', runId).execute();
      const active = {
        state: 'active',
        release_id: releases[0],
        cell_id: 'main',
        activated_at: now,
      } as const;
      await db.updateTable('practice').set(active).where('id', '=', id).execute();
      await db.transaction().execute((trx) => putSchedule(trx, id, { window, ring }, now));
      known.push({ id, ring });
    },
    rollout: async ({ releaseId, policy = {}, horizonDays = 14, start = true }) => {
      const now = api.clock.at;
      const ordinal = releases.indexOf(releaseId) + 1;
      const practices = known.map(({ id, ring }) => ({
        id,
        ring,
        window,
        state: 'active' as const,
        cellId: 'main',
        currentOrdinal: 1,
        pin: null,
        deferral: null,
      }));
      const full = { ...defaultPolicy, bakeMinutes: 10, ...policy };
      const release = { id: releaseId, ordinal, kind: 'fix', deadline: null } as const;
      const plan = planRollout({ now, release, practices, freezes: [], policy: full, horizonDays });
      const id = randomUUID();
      await db.transaction().execute(async (trx) => {
        const stored = { id, releaseId, parentId: null, policy: full, plan, reason: 'monthly', now };
        await insertRollout(trx, { ...stored, createdBy: 'test' });
        if (start) await setRolloutStarted(trx, id, { parentId: null, now });
      });
      return id;
    },
    at: (time) => {
      api.clock.at = new Date(time);
    },
    pass: async (also = {}) =>
      (await advanceDue({ ...api.core, log: silent, ...also })).map(
        ({ practiceId = 'all', did }) => `${practiceId}: ${did}`,
      ),
    end: async (practiceId, error) => {
      const id = await openRun(practiceId);
      const run = await readRun(db, id);
      const now = api.clock.at;
      // Runs are told apart by when they were asked for.
      api.clock.at = new Date(now.getTime() + 1);
      const failure =
        error === undefined
          ? null
          : {
              code: 'deployment_failed',
              message: 'It broke.',
              step: 'deploy-service',
              retryable: false,
              nextAction: 'Mend it.',
              ...error,
            };
      await db
        .updateTable('run')
        .set({
          state: failure === null ? 'succeeded' : 'failed',
          error: failure === null ? null : toJson(failure),
          started_at: now,
          finished_at: now,
        })
        .where('id', '=', id)
        .execute();
      if (failure === null) {
        const releaseId = String(run?.input['releaseId']);
        await db
          .updateTable('practice')
          .set({ release_id: releaseId })
          .where('id', '=', practiceId)
          .execute();
      }
      return id;
    },
    targets: async (rolloutId) => {
      const rows = await db
        .selectFrom('rollout_target')
        .selectAll()
        .where('rollout_id', '=', rolloutId)
        .execute();
      return Object.fromEntries(rows.map((row) => [row.practice_id, row.state]));
    },
    state: async (rolloutId) => {
      const rollout = await readRollout(db, rolloutId);
      return [rollout?.state, rollout?.paused_because].filter(Boolean).join(': ');
    },
    audit: async (subjectId) => {
      const page = await listAudit(db, { subjectType: 'rollout', subjectId, limit: 200 });
      return page.items.map(({ action, details }) => ({ action, ...details })).reverse();
    },
    close: () => api.close(),
  };
}
