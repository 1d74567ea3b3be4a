import type { CloudPorts } from './cloud.ts';

/** Where a cell is and how the control plane gets into it. */
export interface CellAddress {
  readonly id: string;
  /** The AWS account, twelve digits. */
  readonly accountId: string;
  readonly region: string;
  /** The role that the control plane assumes there; null: the process's own credentials are the cell's. */
  readonly roleArn: string | null;
  /** What AWS asks for beside the role ("The confused deputy problem", IAM User Guide). */
  readonly externalId: string | null;
}

/** Every cell's cloud. One cell is never called with what was given for another. */
export interface Clouds {
  /** The ports of one cell: made at the first call, then the same ones. Asks AWS for nothing yet. */
  of(cell: CellAddress): CloudPorts;
  /** Ends every connection; nothing may be called afterwards. */
  close(): void;
}
