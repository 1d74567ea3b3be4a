import type { Cell } from '../domain/cell.ts';
import type { CellAddress } from './clouds.ts';

/** Where a cell is, how to get in, and what the stacks that every cell needs are deployed with. */
export type CellToCheck = CellAddress & Pick<Cell, 'hostedZoneId' | 'backupCopyRegion'>;

/** What the control plane must be sure of before a silo is placed in a cell. */
export interface CellAccess {
  /**
   * Resolves when the control plane is let into the cell as it should be, and only so: its role can be assumed with the
   * external id (sts:AssumeRole), the caller is then seen in the cell's account (sts:GetCallerIdentity), and without the
   * external id the role is refused. A cell without a role is asked with the control plane's own credentials.
   * @throws DomainError `conflict` that says which of these is not so and what to do; `cloud_failure` when AWS refuses the role or
   * does not answer.
   */
  check(cell: CellToCheck, signal?: AbortSignal): Promise<void>;
  /**
   * Who the control plane's own credentials are (sts:GetCallerIdentity). `arn` is what a trust policy names: of a session the role
   * behind it.
   * @throws DomainError `cloud_failure`
   */
  caller(signal?: AbortSignal): Promise<{ readonly accountId: string; readonly arn: string }>;
}
