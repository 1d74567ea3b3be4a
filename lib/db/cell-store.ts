import type { Insertable, Selectable, Updateable } from 'kysely';
import { type Amounts, amounts, standardLimits } from '../domain/capacity.ts';
import type { Cell } from '../domain/cell.ts';
import { DomainError } from '../domain/errors.ts';
import type { CellTable } from './cell-tables.ts';
import { type Connection, type Trx, toJson } from './database.ts';

type CellRow = Selectable<CellTable>;

/** Adds a cell unless its id, account, domain or external id is taken; answers whether it did. */
export async function insertCell(trx: Trx, cell: Cell): Promise<boolean> {
  const added = await trx
    .insertInto('cell')
    .values(toRow(cell))
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return added !== undefined;
}

export async function findCell(connection: Connection, id: string): Promise<Cell | undefined> {
  const row = await connection.selectFrom('cell').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toCell(row);
}

/** By id. There are few: a fleet of 10,000 practices needs some tens. */
export async function listCells(connection: Connection): Promise<Cell[]> {
  return (await connection.selectFrom('cell').selectAll().orderBy('id').execute()).map(toCell);
}

/** A cell, kept from changes by others, and from placements, until the transaction ends. */
export async function lockCell(trx: Trx, id: string): Promise<Cell | undefined> {
  const row = await trx
    .selectFrom('cell')
    .selectAll()
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : toCell(row);
}

/**
 * Every cell, kept from changes until the transaction ends: whoever reserves capacity does this first, so that of all
 * who do at the same moment each sees what those before it took. In the order of ids, so that no two wait for each other.
 */
export async function lockCells(trx: Trx): Promise<Cell[]> {
  const rows = await trx.selectFrom('cell').selectAll().orderBy('id').forNoKeyUpdate().execute();
  return rows.map(toCell);
}

/** The cell that a practice is in; undefined while it waits for one. */
async function findCellOf(connection: Connection, practiceId: string): Promise<Cell | undefined> {
  const row = await connection
    .selectFrom('cell')
    .innerJoin('practice', 'practice.cell_id', 'cell.id')
    .selectAll('cell')
    .where('practice.id', '=', practiceId)
    .executeTakeFirst();
  return row === undefined ? undefined : toCell(row);
}

/**
 * The cell that a practice is in.
 * @throws DomainError `wrong_state` when it is in none: it waits for one, was called off while it waited, or does not exist.
 */
export async function cellOf(connection: Connection, practiceId: string): Promise<Cell> {
  const cell = await findCellOf(connection, practiceId);
  if (cell !== undefined) return cell;
  throw new DomainError(
    'wrong_state',
    `Practice ${practiceId} is in no cell. See why with: practice show ${practiceId}.`,
  );
}

/** What of a cell may change; each change makes a new revision. */
export type CellChange = Partial<
  Pick<
    Cell,
    | 'region'
    | 'domain'
    | 'hostedZoneId'
    | 'imageRegistry'
    | 's3PrefixListId'
    | 'backupCopyRegion'
    | 'alarmEmail'
    | 'limits'
    | 'state'
  >
>;

export async function changeCell(trx: Trx, id: string, change: CellChange, now: Date): Promise<Cell> {
  const row = await trx
    .updateTable('cell')
    .set((eb) => ({ ...columnsOf(change), revision: eb('revision', '+', 1), updated_at: now }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toCell(row);
}

/** Removes a cell that never had a practice; the database refuses any other. */
export async function deleteCell(trx: Trx, id: string): Promise<void> {
  await trx.deleteFrom('cell').where('id', '=', id).execute();
}

/** How many practices each cell has, whatever their states. A cell without any has no entry. */
export async function countPracticesByCell(connection: Connection): Promise<Map<string, number>> {
  const rows = await connection
    .selectFrom('practice')
    .select((eb) => ['cell_id', eb.fn.countAll<number>().as('count')])
    .where('cell_id', 'is not', null)
    .groupBy('cell_id')
    .execute();
  return new Map(rows.map((row) => [row.cell_id ?? '', row.count]));
}

/**
 * A quota that a newer version knows and the record does not yet is what AWS allows every account. At 0, a new version would keep practices
 * that are there already from being updated.
 */
function limitsFrom(recorded: Partial<Amounts>): Amounts {
  return amounts((quota) => recorded[quota] ?? standardLimits[quota]);
}

function toCell(row: CellRow): Cell {
  return {
    id: row.id,
    accountId: row.account_id,
    region: row.region,
    roleArn: row.role_arn,
    externalId: row.external_id,
    domain: row.domain,
    hostedZoneId: row.hosted_zone_id,
    imageRegistry: row.image_registry,
    s3PrefixListId: row.s3_prefix_list_id,
    backupCopyRegion: row.backup_copy_region,
    alarmEmail: row.alarm_email,
    limits: limitsFrom(row.limits),
    state: row.state,
    revision: row.revision,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toRow(cell: Cell): Insertable<CellTable> {
  return {
    id: cell.id,
    account_id: cell.accountId,
    region: cell.region,
    role_arn: cell.roleArn,
    external_id: cell.externalId,
    domain: cell.domain,
    hosted_zone_id: cell.hostedZoneId,
    image_registry: cell.imageRegistry,
    s3_prefix_list_id: cell.s3PrefixListId,
    backup_copy_region: cell.backupCopyRegion,
    alarm_email: cell.alarmEmail,
    limits: toJson(cell.limits),
    state: cell.state,
    revision: cell.revision,
    created_by: cell.createdBy,
    created_at: cell.createdAt,
    updated_at: cell.updatedAt,
  };
}

const columns = {
  region: 'region',
  domain: 'domain',
  hostedZoneId: 'hosted_zone_id',
  imageRegistry: 'image_registry',
  s3PrefixListId: 's3_prefix_list_id',
  backupCopyRegion: 'backup_copy_region',
  alarmEmail: 'alarm_email',
  state: 'state',
  limits: 'limits',
} as const satisfies Record<keyof CellChange, keyof CellTable>;

function columnsOf(change: CellChange): Updateable<CellTable> {
  return Object.fromEntries(
    Object.entries(change).map(([name, value]) => [
      columns[name as keyof CellChange],
      name === 'limits' ? toJson(value) : value,
    ]),
  );
}
