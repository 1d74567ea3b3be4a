import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import { DomainError } from '../domain/errors.ts';
import { call } from './clients.ts';

/** The role of the cell that CloudFormation deploys silos with (docs/silo.md). */
const path = 'role/lumenality-cell/deploy';

/** Answers the ARN of the deploy role in the caller's own account; asked of AWS once, and again after a failure. */
export function deployRole(sts: STSClient): (signal?: AbortSignal) => Promise<string> {
  let known: string | undefined;
  return async (signal) => {
    if (known !== undefined) return known;
    const { Arn = '' } = await call('sts', 'GetCallerIdentity', signal, (options) =>
      sts.send(new GetCallerIdentityCommand({}), options),
    );
    const [, partition, , , account] = Arn.split(':');
    if (partition === undefined || account === undefined)
      throw new DomainError('cloud_failure', `AWS sts:GetCallerIdentity names no account: "${Arn}".`);
    known = `arn:${partition}:iam::${account}:${path}`;
    return known;
  };
}
