import type { Cell } from '../domain/cell.ts';
import type { CloudPorts } from './cloud.ts';

/** Where a cell is and how the control plane gets into it. */
export type CellAddress = Pick<Cell, 'id' | 'accountId' | 'region' | 'roleArn' | 'externalId'>;

/** Every cell's cloud. One cell is never called with what was given for another. */
export interface Clouds {
  /** The ports of one cell: made at the first call, then the same ones. Asks AWS for nothing yet. */
  of(cell: CellAddress): CloudPorts;
  /** Ends every connection; nothing may be called afterwards. */
  close(): void;
}
