import { Aws } from 'aws-cdk-lib';

/** Path of what all silos of a cell share. No practice's path starts like it, and no practice id can make it. */
export const cellPath = '/lumenality-cell/';

/** The cell's backup vault for second copies, in another Region. */
export const copyVaultName = 'lumenality-copies';

/** Roles that the stack `lumenality-cell` makes, by name. */
type CellRole = 'control-plane' | 'deploy' | 'retire' | 'database-monitoring';

/** ARN of a role of the cell, which practice templates and key policies count on by its name. */
export function cellRoleArn(name: CellRole): string {
  return `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role${cellPath}${name}`;
}

/** The most that any role of a practice may do, whatever its own policies say; the deploy role makes no role without it. */
export const practiceBoundaryArn = `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:policy${cellPath}practice-boundary`;
