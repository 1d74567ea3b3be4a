import type { STSClient } from '@aws-sdk/client-sts';
import { DomainError } from '../domain/errors.ts';
import { identityOf } from './cell-credentials.ts';

/** The role of the cell that CloudFormation deploys silos with (docs/silo.md). */
const path = 'role/lumenality-cell/deploy';

/**
 * Answers the ARN of the deploy role of a cell; AWS is asked once who the caller is, and again after a failure. The answer fails with
 * `configuration` when the caller is in another account than the cell: nothing is deployed then.
 */
export function deployRole(sts: STSClient, accountId: string): (signal?: AbortSignal) => Promise<string> {
  let known: string | undefined;
  return async (signal) => {
    if (known !== undefined) return known;
    const caller = await identityOf(sts, signal);
    if (caller.accountId !== accountId) {
      throw new DomainError(
        'configuration',
        `The cell is account ${accountId}, but the control plane is ${caller.arn} there. Correct the cell or the credentials, then retry the run: nothing was deployed.`,
      );
    }
    known = `arn:${caller.partition}:iam::${accountId}:${path}`;
    return known;
  };
}
