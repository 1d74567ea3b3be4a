import { STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { DomainError } from '../domain/errors.ts';
import type { CellAccess } from '../ports/cell-access.ts';
import type { CellAddress } from '../ports/clouds.ts';
import { assumeRole, identityOf, roleOf } from './cell-credentials.ts';
import { awsCodeOf } from './errors.ts';

/**
 * @param sts with the process's own credentials
 * @param settings of a client with other ones
 */
export function cellAccess(sts: STSClient, settings: STSClientConfig): CellAccess {
  return {
    check: async (cell, signal) => {
      if (cell.roleArn === null) {
        assertAccount(cell, await identityOf(sts, signal));
        return;
      }
      const roleArn = roleOf(cell);
      const session = new STSClient({
        ...settings,
        credentials: await assumeRole(sts, cell, roleArn, cell.externalId, signal),
      });
      try {
        assertAccount(cell, await identityOf(session, signal));
      } finally {
        session.destroy();
      }
      await assertRefusedWithoutExternalId(sts, cell, roleArn, signal);
    },
    caller: async (signal) => {
      const { accountId, arn } = await identityOf(sts, signal);
      return { accountId, arn: roleBehind(arn) };
    },
  };
}

function assertAccount(cell: CellAddress, { accountId, arn }: { accountId: string; arn: string }): void {
  if (accountId === cell.accountId) return;
  throw new DomainError(
    'wrong_state',
    `Cell ${cell.id} is account ${cell.accountId}, but the control plane is ${arn} there. Correct the cell, or the credentials.`,
  );
}

/** "The confused deputy problem" (IAM User Guide): whoever else may name the control plane's role must not get in through it. */
async function assertRefusedWithoutExternalId(
  sts: STSClient,
  cell: CellAddress,
  roleArn: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await assumeRole(sts, cell, roleArn, null, signal);
  } catch (error) {
    if (awsCodeOf(error) === 'AccessDenied') return;
    throw error;
  }
  throw new DomainError(
    'wrong_state',
    `The role ${roleArn} of cell ${cell.id} can be assumed without the external id. Deploy the stack lumenality-cell there with the ` +
      "cell's ExternalId (docs/cell.md), then activate the cell again.",
  );
}

/** A session's ARN names its role without the path: `arn:aws:sts::<account>:assumed-role/<role>/<session>`. */
function roleBehind(arn: string): string {
  const session = /^arn:([^:]+):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(arn);
  if (session === null) return arn;
  const [, partition, account, role] = session;
  return `arn:${partition}:iam::${account}:role/${role}`;
}
