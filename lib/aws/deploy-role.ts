import type { STSClient } from '@aws-sdk/client-sts';
import { roleOfCellStack } from './cell-credentials.ts';

/**
 * Answers the ARN of the role of the cell that CloudFormation deploys silos with (docs/silo.md); AWS is asked once who the caller is, and
 * again after a failure. The answer fails with `configuration` when the caller is in another account than the cell: nothing is deployed then.
 */
export function deployRole(sts: STSClient, accountId: string): (signal?: AbortSignal) => Promise<string> {
  let known: string | undefined;
  return async (signal) => {
    known ??= await roleOfCellStack(
      sts,
      accountId,
      { role: 'deploy', undone: 'nothing was deployed' },
      signal,
    );
    return known;
  };
}
