import type { SiloReads } from '../ports/silo-reads.ts';

/**
 * Names of the log groups that RDS itself made for a database's exported logs ("Publishing PostgreSQL logs to Amazon CloudWatch Logs", Amazon
 * RDS User Guide). No stack has them, and they stay for ever when the database goes.
 */
export async function databaseLogGroups(
  silo: Pick<SiloReads, 'logGroups'>,
  databaseInstanceId: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const groups = await silo.logGroups(`/aws/rds/instance/${databaseInstanceId}/`, signal);
  return groups.map(({ name }) => name);
}
