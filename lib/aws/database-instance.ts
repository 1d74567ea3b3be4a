import { type DBInstance, DescribeDBInstancesCommand, type RDSClient } from '@aws-sdk/client-rds';
import { call } from './clients.ts';
import { awsCodeOf } from './errors.ts';

/** By the start of a code: RDS says `DBSnapshotNotFound`, the SDK calls it `DBSnapshotNotFoundFault`. */
export const isRdsCode = (error: unknown, code: string): boolean =>
  awsCodeOf(error)?.startsWith(code) === true;

/** Undefined when there is no such database. */
export async function instanceOf(
  rds: RDSClient,
  DBInstanceIdentifier: string,
  signal?: AbortSignal,
): Promise<DBInstance | undefined> {
  try {
    const { DBInstances = [] } = await call('rds', 'DescribeDBInstances', signal, (options) =>
      rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier }), options),
    );
    return DBInstances[0];
  } catch (error) {
    if (isRdsCode(error, 'DBInstanceNotFound')) return undefined;
    throw error;
  }
}
