import { setMaxListeners } from 'node:events';
import { appendAudit } from '../db/audit-store.ts';
import type { Db } from '../db/database.ts';
import {
  claimDriftCheck,
  type DriftChange,
  type DriftClaim,
  postponeDriftCheck,
  recordDrift,
  unwatchedPractices,
  watchForDrift,
} from '../db/drift-store.ts';
import { findPractice } from '../db/practice-store.ts';
import { systemActor } from '../domain/access.ts';
import { type DriftFindings, firstCheckAt, noFindings } from '../domain/drift.ts';
import { DomainError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { type DriftSources, readDrift } from '../workflows/read-drift.ts';
import { periodically, type Repeating } from './periodically.ts';

export interface DriftParts {
  /** What a practice's silo is read with: the ports of its own cell. */
  readonly sourcesOf: (
    practiceId: string,
  ) => Promise<Pick<DriftSources, 'cloud' | 'shapes' | 'cell' | 'pollIntervalMs'>>;
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** How often each silo is looked at. */
  readonly everyMs: number;
  /** How often this process asks whose turn it is; 5 seconds unless told. */
  readonly passEveryMs?: number;
}

/** Looks at once in one process: AWS allows an account few reads a second, and deployments need them too. */
const width = 2;
/** More calls than all looks make at the same time. */
const callsAtOnce = 200;
/** Longer than any look takes. */
const claimMs = 1_800_000;
/** After a look at a bad moment: a stack operation under way, or AWS with too much to do. */
const postponeMs = 60_000;

/**
 * Holds the silo of each active practice against its release, once an interval and whenever somebody asks, and records what
 * differs. It never sets anything back: what is right is for a person to decide.
 */
export function detectDrift(parts: DriftParts): Repeating {
  const { db, clock } = parts;
  return periodically('detect-drift', parts.passEveryMs ?? 5_000, parts.log, async (signal) => {
    // Each call in flight listens to the signal: no leak.
    setMaxListeners(callsAtOnce, signal);
    for (const id of await unwatchedPractices(db)) {
      await watchForDrift(db, id, firstCheckAt(id, clock.now(), parts.everyMs));
    }
    const lookNext = async (): Promise<void> => {
      while (!signal.aborted) {
        const startedAt = clock.now();
        const until = new Date(startedAt.getTime() + claimMs);
        const claim = await claimDriftCheck(db, { startedAt, until });
        if (claim === undefined) return;
        await look(parts, claim, signal);
      }
    };
    const looks = await Promise.allSettled(Array.from({ length: width }, lookNext));
    const failed = looks.find(({ status }) => status === 'rejected');
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  });
}

async function look(parts: DriftParts, claim: DriftClaim, signal: AbortSignal): Promise<void> {
  const { db, log, clock } = parts;
  const { practiceId } = claim;
  const later = (ms: number) => new Date(clock.now().getTime() + ms);
  try {
    const practice = await findPractice(db, practiceId);
    if (practice === undefined || practice.release_id === null) {
      throw new DomainError('wrong_state', `Practice ${practiceId} has no release to hold its silo against.`);
    }
    const sources = { ...(await parts.sourcesOf(practiceId)), db, now: () => clock.now(), signal };
    const findings = await findingsOf(() => readDrift(sources, practice));
    const releaseId = practice.release_id;
    const change = await keep(parts, claim, { releaseId, findings, nextCheckAt: later(parts.everyMs) });
    if (change === undefined) await postponeDriftCheck(db, claim, later(postponeMs));
    else if (change.recorded) log.info({ practiceId, ...change }, 'a silo was held against its release');
  } catch (error) {
    // A process that stops leaves the practice to the next one at once.
    await postponeDriftCheck(db, claim, signal.aborted ? claim.startedAt : later(postponeMs));
    if (signal.aborted) return;
    log.warn({ err: error, practiceId }, 'a silo could not be held against its release; later again');
  }
}

/** What keeps anything at all from being read is on record too: the silo is not known to be in sync. */
async function findingsOf(read: () => Promise<DriftFindings>): Promise<DriftFindings> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DomainError && !error.retryable) {
      return { ...noFindings, problems: [error.publicMessage] };
    }
    throw error;
  }
}

/** The record and the audit row that tells of it: one transaction. */
function keep(
  { db, clock }: DriftParts,
  claim: DriftClaim,
  look: Parameters<typeof recordDrift>[2],
): Promise<DriftChange | undefined> {
  return db.transaction().execute(async (trx) => {
    const change = await recordDrift(trx, claim, look);
    if (change?.became === undefined) return change;
    const { differences } = look.findings;
    await appendAudit(trx, {
      actor: systemActor,
      action: `practice.drift_${change.became}`,
      subject: { type: 'practice', id: claim.practiceId },
      details: {
        releaseId: look.releaseId,
        differences: differences.map(({ component, resource, property }) => ({
          component,
          resource,
          property,
        })),
      },
      at: clock.now(),
    });
    return change;
  });
}
