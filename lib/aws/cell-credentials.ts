import {
  AssumeRoleCommand,
  type AssumeRoleRequest,
  GetCallerIdentityCommand,
  type STSClient,
} from '@aws-sdk/client-sts';
import { doesIdentityRequireRefresh, isIdentityExpired, memoizeIdentityProvider } from '@smithy/core';
import { DomainError } from '../domain/errors.ts';
import type { CellAddress } from '../ports/clouds.ts';
import { call } from './clients.ts';

/** Keys of a role's session ("AssumeRole", AWS STS API Reference). */
interface SessionKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

export type SessionKeysProvider = () => Promise<SessionKeys>;

/**
 * Keys of a cell's own role, for all clients of the cell: the role is assumed at the first call, and again five minutes before the keys
 * expire.
 */
export function roleCredentials(sts: STSClient, cell: CellAddress): SessionKeysProvider {
  return keptKeys(async () => assumeRole(sts, cell, roleOf(cell), cell.externalId));
}

/** Begins a session at the first call, and another one five minutes before its keys expire; all clients given the provider share it. */
export function keptKeys(assume: SessionKeysProvider): SessionKeysProvider {
  const provider = memoizeIdentityProvider(assume, isIdentityExpired, doesIdentityRequireRefresh);
  if (provider === undefined) throw new Error('memoizeIdentityProvider answers a provider for a provider');
  // The SDK keeps a provider that says so; of any other each client makes a copy that would assume the role on its own.
  return Object.assign(() => provider(), { memoized: true });
}

/** @throws DomainError `configuration` for a role of another account than the cell's: nothing is ever done there with it. */
export function roleOf({ id, accountId, roleArn }: CellAddress): string {
  const account = roleArn?.split(':')[4];
  if (roleArn !== null && account === accountId) return roleArn;
  throw new DomainError(
    'configuration',
    `Cell ${id} is account ${accountId}, but its role is ${roleArn}. Correct the cell: nothing is done there with another account's role.`,
  );
}

/** Sessions are named in CloudTrail of both accounts by who made them and for what (2 to 64 of `[\w+=,.@-]`). */
const sessionName = (cellId: string): string => `lumenality-control-plane@${cellId}`;

/** @throws DomainError `cloud_failure` */
export async function assumeRole(
  sts: STSClient,
  { id }: Pick<CellAddress, 'id'>,
  roleArn: string,
  externalId: string | null,
  signal?: AbortSignal,
): Promise<SessionKeys> {
  const request = {
    RoleArn: roleArn,
    RoleSessionName: sessionName(id),
    ...(externalId === null ? {} : { ExternalId: externalId }),
  };
  return beginSession(sts, request, signal);
}

/** @throws DomainError `cloud_failure` */
export async function beginSession(
  sts: STSClient,
  request: AssumeRoleRequest,
  signal?: AbortSignal,
): Promise<SessionKeys> {
  const { Credentials } = await call('sts', 'AssumeRole', signal, (options) =>
    sts.send(new AssumeRoleCommand(request), options),
  );
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
    throw new DomainError('cloud_failure', `AWS sts:AssumeRole gave no keys for ${request.RoleArn}.`);
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiration: Expiration,
  };
}

/** Who the caller is to AWS (sts:GetCallerIdentity, which needs no permission). */
export async function identityOf(
  sts: STSClient,
  signal?: AbortSignal,
): Promise<{ readonly accountId: string; readonly partition: string; readonly arn: string }> {
  const { Arn = '' } = await call('sts', 'GetCallerIdentity', signal, (options) =>
    sts.send(new GetCallerIdentityCommand({}), options),
  );
  const [, partition, , , accountId] = Arn.split(':');
  if (partition === undefined || accountId === undefined)
    throw new DomainError('cloud_failure', `AWS sts:GetCallerIdentity names no account: "${Arn}".`);
  return { accountId, partition, arn: Arn };
}

/**
 * ARN of a role that the cell's own stack made, for a caller who is in the cell's account.
 * @param undone what was not done, as people are told it
 * @throws DomainError `configuration` when the caller is in another account
 */
export async function roleOfCellStack(
  sts: STSClient,
  cellAccountId: string,
  { role, undone }: { readonly role: 'deploy' | 'retire'; readonly undone: string },
  signal?: AbortSignal,
): Promise<string> {
  const { partition, accountId, arn } = await identityOf(sts, signal);
  if (accountId !== cellAccountId) {
    throw new DomainError(
      'configuration',
      `The cell is account ${cellAccountId}, but the control plane is ${arn} there. Correct the cell or the credentials, then retry the run: ${undone}.`,
    );
  }
  return `arn:${partition}:iam::${accountId}:role/lumenality-cell/${role}`;
}
