import { isDeepStrictEqual } from 'node:util';
import { appendAudit } from '../db/audit-store.ts';
import { assignCapacity } from '../db/capacity-store.ts';
import {
  type CellChange,
  changeCell,
  countPracticesByCell,
  findCell,
  insertCell,
  lockCell,
} from '../db/cell-store.ts';
import type { Trx } from '../db/database.ts';
import type { PracticeRow } from '../db/practice-store.ts';
import { newestRelease } from '../db/release-store.ts';
import { newestRunOf } from '../db/run-store.ts';
import { assignUnplaced } from '../db/waiting-store.ts';
import { systemActor } from '../domain/access.ts';
import { type Cell, type ConfiguredCell, configuredCellId, limitsWith } from '../domain/cell.ts';
import { DomainError } from '../domain/errors.ts';
import { isSiloGone } from '../domain/practice.ts';
import { demandCounter } from '../workflows/find-room.ts';
import type { Core } from './core.ts';

/**
 * Brings the record of the cell `main` to the configuration, at each start: a difference leaves an audit row. Practices from before
 * there were cells are put into it, with what they use. Any number of processes may do so at once.
 * @throws DomainError `configuration` when the credentials are another account's than the cell's, or its silos are in another Region;
 * `cloud_failure` when AWS does not tell whose the credentials are, and never did.
 */
export async function recordConfiguredCell(core: Core, configured: ConfiguredCell): Promise<void> {
  const accountId = await ownAccount(core);
  await core.db.transaction().execute(async (trx) => {
    await record(core, trx, configured, accountId);
    await assign(core, trx);
  });
}

/** As AWS tells it; while AWS does not answer, as it was told at an earlier start: a control plane must come up without it. */
async function ownAccount(core: Core): Promise<string> {
  try {
    return (await core.cellAccess.caller()).accountId;
  } catch (error) {
    const mayPass = error instanceof DomainError && error.retryable;
    const known = mayPass ? await findCell(core.db, configuredCellId) : undefined;
    if (known === undefined) throw error;
    return known.accountId;
  }
}

async function record(core: Core, trx: Trx, configured: ConfiguredCell, accountId: string): Promise<void> {
  const now = core.clock.now();
  const { limits: named, standardLimits, s3PrefixListId, alarmEmail, ...place } = configured;
  const told = { ...place, s3PrefixListId: s3PrefixListId ?? null, alarmEmail: alarmEmail ?? null };
  const limits = limitsWith(standardLimits, named);
  const added = await insertCell(trx, {
    ...told,
    id: configuredCellId,
    accountId,
    roleArn: null,
    externalId: null,
    limits,
    state: 'active',
    revision: 1,
    createdBy: systemActor.name,
    createdAt: now,
    updatedAt: now,
  });
  if (added) return audit(core, trx, 'cell.recorded', { ...told, accountId, limits });
  const cell = await lockCell(trx, configuredCellId);
  if (cell === undefined) {
    throw new DomainError(
      'configuration',
      `The configured cell cannot be recorded: another cell has account ${accountId} or the domain ${told.domain}. See \`cell list\`.`,
    );
  }
  await requireSamePlace(trx, cell, { accountId, region: told.region });
  const differences = differencesOf(cell, { ...told, limits: limitsWith(cell.limits, named) });
  if (Object.keys(differences.to).length === 0) return;
  await changeCell(trx, cell.id, differences.to, now);
  await audit(core, trx, 'cell.configuration_changed', differences);
}

/** Silos do not move: what is configured must still be where they are. */
async function requireSamePlace(
  trx: Trx,
  cell: Cell,
  { accountId, region }: { readonly accountId: string; readonly region: string },
): Promise<void> {
  if (accountId !== cell.accountId) {
    throw new DomainError(
      'configuration',
      `The credentials are those of account ${accountId}, but the silos of cell ${cell.id} are in account ${cell.accountId}. Use that account's credentials, or add ${accountId} as a cell of its own.`,
    );
  }
  if (region === cell.region) return;
  const practices = (await countPracticesByCell(trx)).get(cell.id) ?? 0;
  if (practices === 0) return;
  throw new DomainError(
    'configuration',
    `AWS_REGION is ${region}, but cell ${cell.id} with its ${practices} practices is in ${cell.region}. Set AWS_REGION to ${cell.region}, or add ${region} as a cell of its own.`,
  );
}

interface Differences {
  readonly from: Readonly<Record<string, unknown>>;
  readonly to: CellChange;
}

function differencesOf(cell: Cell, told: CellChange): Differences {
  const names = (Object.keys(told) as (keyof CellChange)[]).filter(
    (name) => !isDeepStrictEqual(cell[name], told[name]),
  );
  const pick = (of: CellChange) => Object.fromEntries(names.map((name) => [name, of[name]]));
  return { from: pick(cell), to: pick(told) };
}

/** What practices use is counted from the release that they have, or were to get. */
async function assign(core: Core, trx: Trx): Promise<void> {
  const practices = await assignUnplaced(trx, configuredCellId);
  if (practices.length === 0) return;
  const cell = await lockCell(trx, configuredCellId);
  if (cell === undefined) throw new Error('the cell was recorded a moment ago');
  const demandFor = demandCounter(core.shapes);
  for (const practice of practices.filter(({ state }) => !isSiloGone(state))) {
    const releaseId = await releaseOf(trx, practice);
    if (releaseId === undefined) continue;
    const { shape, settings, id: practiceId } = practice;
    const demandIn = await demandFor(trx, { releaseId, shape, settings });
    await assignCapacity(trx, {
      cellId: cell.id,
      practiceId,
      amounts: demandIn(cell.region),
      reason: 'there before its cell was on record',
      runId: null,
      now: core.clock.now(),
    });
  }
  const ids = practices.map(({ id }) => id);
  await audit(core, trx, 'cell.practices_assigned', { practices: ids });
}

/** Undefined when no release was ever published: then nothing was made of any. */
async function releaseOf(trx: Trx, practice: PracticeRow): Promise<string | undefined> {
  if (practice.release_id !== null) return practice.release_id;
  const asked = (await newestRunOf(trx, practice.id))?.input['releaseId'];
  return typeof asked === 'string' ? asked : (await newestRelease(trx))?.id;
}

function audit(core: Core, trx: Trx, action: string, details: object): Promise<void> {
  return appendAudit(trx, {
    actor: systemActor,
    action,
    subject: { type: 'cell', id: configuredCellId },
    details: { ...details },
    at: core.clock.now(),
  });
}
