import type { CellOverview, CellSetUp } from '../lib/use-cases/read-cells.ts';
import type { Cell, CellSetUp as ShownSetUp } from './contracts/cells.ts';

/** The external id is shown by the set-up alone, to those who may add cells. */
export function toCell({ cell, practices, capacity }: CellOverview): Cell {
  return {
    id: cell.id,
    accountId: cell.accountId,
    region: cell.region,
    roleArn: cell.roleArn,
    domain: cell.domain,
    hostedZoneId: cell.hostedZoneId,
    imageRegistry: cell.imageRegistry,
    s3PrefixListId: cell.s3PrefixListId,
    backupCopyRegion: cell.backupCopyRegion,
    alarmEmail: cell.alarmEmail,
    state: cell.state,
    practices,
    quotas: [...capacity.quotas],
    daysUntilFull: capacity.daysUntilFull,
    firstFull: capacity.firstFull,
    createdBy: cell.createdBy,
    createdAt: cell.createdAt.toISOString(),
    updatedAt: cell.updatedAt.toISOString(),
  };
}

export function toSetUp({ commands, ...setUp }: CellSetUp): ShownSetUp {
  return { ...setUp, commands: [...commands] };
}
