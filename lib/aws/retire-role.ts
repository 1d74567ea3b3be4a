import type { STSClient } from '@aws-sdk/client-sts';
import { beginSession, keptKeys, roleOfCellStack, type SessionKeysProvider } from './cell-credentials.ts';

/**
 * Gives the keys of a session of the role of the cell that removes what outlives a silo's stacks (docs/silo.md). It is tagged with one practice,
 * which is all that the role can touch ("Pass session tags in AWS STS", IAM User Guide). A quarter of an hour, the least there is: each session
 * makes a few calls. Assumed at the first of them; throws DomainError `cloud_failure`.
 * Fails with `configuration` when those keys are of another account than the cell's: practices of the same name may live there.
 * @param sts with the keys of the cell's role `control-plane`, the only one that may assume it
 * @param cellAccountId the account of the cell
 */
export function retireSession(
  sts: STSClient,
  cellAccountId: string,
  practiceId: string,
): SessionKeysProvider {
  return keptKeys(async () =>
    beginSession(sts, {
      RoleArn: await roleOfCellStack(sts, cellAccountId, { role: 'retire', undone: 'nothing was removed' }),
      RoleSessionName: `lumenality-retire@${practiceId}`,
      DurationSeconds: 900,
      Tags: [{ Key: 'lumenality:practice', Value: practiceId }],
    }),
  );
}
