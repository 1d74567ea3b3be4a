import { appendAudit } from '../db/audit-store.ts';
import {
  claimChargeExport,
  type ExportClaim,
  putOffExport,
  readExportedStatement,
  recordExported,
  releaseExport,
} from '../db/charge-export-store.ts';
import type { Db } from '../db/database.ts';
import { systemActor } from '../domain/access.ts';
import type { ExportedStatement } from '../domain/charge-export.ts';
import { DomainError } from '../domain/errors.ts';
import { waitAfter } from '../domain/notice-delivery.ts';
import type { ChargeExports } from '../ports/charge-export.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { periodically, type Repeating } from './periodically.ts';
import { workOff } from './work-off.ts';

export interface ExportParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly exports: ChargeExports;
  /** How often this process asks what is due; 5 seconds unless told. */
  readonly everyMs?: number;
}

/** Statements at once in one process: each takes Stripe a second or two. */
const width = 8;
/**
 * Longer than a try takes, unless Stripe is very slow: then a second process does the same, and nothing is there twice. What a process left
 * that died is tried again after so long.
 */
const claimMs = 600_000;

/**
 * Hands the statements of closed periods over, at least once each, under the same ids every time. One that is not taken waits, longer with
 * each try, and is never given up: it is money that is owed. Any number of processes may do so at the same time.
 */
export function exportCharges(parts: ExportParts): Repeating {
  return periodically('export-charges', parts.everyMs ?? 5_000, parts.log, (signal) =>
    exportDue(parts, signal),
  );
}

/** One pass: everything that is due. */
export function exportDue(parts: ExportParts, signal?: AbortSignal): Promise<void> {
  const claim = () => claimNext(parts);
  const work = (claimed: ExportClaim) => exportOne(parts, claimed, signal);
  return workOff({ width, claim, work }, signal);
}

function claimNext({ db, clock, exports }: ExportParts): Promise<ExportClaim | undefined> {
  const now = clock.now();
  const targets = exports.map(({ name }) => name);
  return claimChargeExport(db, { targets, now, until: new Date(now.getTime() + claimMs) });
}

async function exportOne(
  parts: ExportParts,
  claim: ExportClaim,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { db, exports } = parts;
  const target = exports.find(({ name }) => name === claim.target);
  if (target === undefined) throw new Error(`A statement for ${claim.target} was claimed.`);
  const statement = await readExportedStatement(db, claim);
  let externalId: string | null;
  try {
    ({ externalId } = await target.send(statement, signal));
  } catch (error) {
    // A process that stops leaves it to the next one at once.
    if (signal?.aborted === true) await releaseExport(db, claim);
    else await putOff(parts, claim, statement, error);
    return;
  }
  await keep(parts, claim, statement, externalId);
}

async function keep(
  { db, clock, log }: ExportParts,
  claim: ExportClaim,
  { number, practice, totalCents, currency }: ExportedStatement,
  externalId: string | null,
): Promise<void> {
  const now = clock.now();
  const kept = await db.transaction().execute(async (trx) => {
    if (!(await recordExported(trx, claim, { externalId, now }))) return false;
    await appendAudit(trx, {
      actor: systemActor,
      action: 'statement.exported',
      subject: { type: 'subscription', id: practice.id },
      details: { statement: number, target: claim.target, externalId, totalCents, currency },
      at: now,
    });
    return true;
  });
  if (!kept) log.warn({ statement: number }, 'a statement was exported after its claim had been lost');
}

async function putOff(
  { db, clock, log }: ExportParts,
  claim: ExportClaim,
  { number }: ExportedStatement,
  error: unknown,
): Promise<void> {
  if (!(error instanceof DomainError)) throw error;
  const again = new Date(clock.now().getTime() + waitAfter(claim.tries, Math.random()));
  await putOffExport(db, claim, { error: error.publicMessage, again });
  const { target, tries } = claim;
  log.warn(
    { statement: number, target, tries, reason: error.publicMessage, again },
    'a statement was not taken; later again',
  );
}
