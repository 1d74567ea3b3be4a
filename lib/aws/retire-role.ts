import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts';
import { doesIdentityRequireRefresh, isIdentityExpired, memoizeIdentityProvider } from '@smithy/core';
import { DomainError } from '../domain/errors.ts';
import { identityOf } from './cell-credentials.ts';
import { call } from './clients.ts';

interface SessionKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/** The role of the cell that removes what outlives a silo's stacks (docs/silo.md). */
const path = 'role/lumenality-cell/retire';

/**
 * Gives the keys of a session that is tagged with one practice, which is all that the role can touch ("Pass session tags in AWS STS", IAM User
 * Guide). A quarter of an hour, the least there is: each session makes a few calls. Assumed at the first of them; throws DomainError `cloud_failure`.
 * Fails with `configuration` when those keys are of another account than the cell's: practices of the same name may live there.
 * @param sts with the keys of the cell's role `control-plane`, the only one that may assume it
 * @param cellAccountId the account of the cell
 */
export function retireSession(
  sts: STSClient,
  cellAccountId: string,
  practiceId: string,
): () => Promise<SessionKeys> {
  const assume = () => assumed(sts, cellAccountId, practiceId);
  const provider = memoizeIdentityProvider(assume, isIdentityExpired, doesIdentityRequireRefresh);
  if (provider === undefined) throw new Error('memoizeIdentityProvider answers a provider for a provider');
  // The SDK keeps a provider that says so; of any other each client makes a copy that would assume the role on its own.
  return Object.assign(() => provider(), { memoized: true });
}

async function assumed(sts: STSClient, cellAccountId: string, practiceId: string): Promise<SessionKeys> {
  const { partition, accountId, arn } = await identityOf(sts);
  if (accountId !== cellAccountId) {
    throw new DomainError(
      'configuration',
      `The cell is account ${cellAccountId}, but the control plane is ${arn} there. Correct the cell or the credentials, then retry the run: nothing was removed.`,
    );
  }
  const RoleArn = `arn:${partition}:iam::${accountId}:${path}`;
  const { Credentials } = await call('sts', 'AssumeRole', undefined, (options) =>
    sts.send(
      new AssumeRoleCommand({
        RoleArn,
        RoleSessionName: `lumenality-retire@${practiceId}`,
        DurationSeconds: 900,
        Tags: [{ Key: 'lumenality:practice', Value: practiceId }],
      }),
      options,
    ),
  );
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
    throw new DomainError('cloud_failure', `AWS sts:AssumeRole gave no keys for ${RoleArn}.`);
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiration: Expiration,
  };
}
