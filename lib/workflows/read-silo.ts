import { z } from 'zod';
import type { Db } from '../db/database.ts';
import { isDatabaseFault } from '../db/faults.ts';
import { practicesSharingOutput } from '../db/silo-stack-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { Reading, SiloFacts } from '../domain/silo-check.ts';
import type { LogGroupFacts } from '../domain/silo-facts.ts';
import type { SiloAddress } from '../domain/silo-promise.ts';
import { stackNameFor } from '../domain/stack-plan.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { HealthProbe } from '../ports/health-probe.ts';
import type { SiloReads } from '../ports/silo-reads.ts';
import { readOnceVisible } from './visibility.ts';

export interface SiloSources {
  readonly cloud: Pick<CloudPorts, 'silo' | 'stacks' | 'probe'>;
  readonly db: Db;
  readonly now: () => Date;
  readonly signal?: AbortSignal;
  /** How long what AWS does not show is asked for again, because it may have been made a moment ago; not at all unless told. */
  readonly newWithinMs?: number;
}

const forcedTls = 'rds.force_ssl';

const versionSchema = z.object({ practiceId: z.string(), releaseId: z.string() });
const readinessSchema = z
  .object({
    status: z.string(),
    practiceId: z.string(),
    releaseId: z.string(),
    database: z.object({ roundTripMs: z.number(), tls: z.boolean() }),
    key: z.object({ arn: z.string() }),
  })
  .transform(({ database, key, ...rest }) => ({
    ...rest,
    databaseTls: database.tls,
    databaseRoundTripMs: database.roundTripMs,
    keyArn: key.arn,
  }));

/**
 * Reads everything that verification judges, live and at the same time. A read that fails does not stop the others: it becomes a reading
 * with its error. Throws only when `signal` aborts.
 */
export async function readSilo(sources: SiloSources, at: SiloAddress): Promise<SiloFacts> {
  const { cloud, db, signal } = sources;
  const { silo, probe } = cloud;
  const read = <T>(question: () => Promise<T>): Promise<Reading<T>> => reading(sources, question);
  const database = read(() => silo.database(at.databaseInstanceId, signal));
  const groups = read(() => silo.securityGroups(at.vpcId, signal));
  const loadBalancer = read(() => silo.loadBalancer(at.loadBalancerArn, signal));
  const service = read(() => silo.service(at.clusterName, at.serviceArn, signal));
  return settledFacts({
    key: read(() => silo.key(at.keyArn, signal)),
    keySharedWith: read(() => practicesSharingOutput(db, at.practiceId, 'KeyArn', at.keyArn)),
    database,
    forceTls: read(async () => {
      const { parameterGroup } = valueOf(await database);
      if (parameterGroup === null) return undefined;
      return silo.databaseParameter(parameterGroup.name, forcedTls, signal);
    }),
    databaseIngress: read(async () => {
      const { securityGroupIds } = valueOf(await database);
      const groups = securityGroupIds.map(async (id) => [id, await silo.ingress(id, signal)] as const);
      return Object.fromEntries(await Promise.all(groups));
    }),
    secret: read(() => silo.secret(at.databaseSecretArn, signal)),
    vpcTags: read(() => silo.vpcTags(at.vpcId, signal)),
    vpcSharedWith: read(() => practicesSharingOutput(db, at.practiceId, 'VpcId', at.vpcId)),
    openings: read(async () => ({
      entranceGroupIds: valueOf(await loadBalancer).securityGroupIds,
      groups: valueOf(await groups),
    })),
    defaultSecurityGroup: read(async () => {
      const found = valueOf(await groups).find(({ name }) => name === 'default');
      if (found !== undefined) return found;
      throw new DomainError('cloud_failure', `AWS ec2 shows no default security group of VPC ${at.vpcId}.`);
    }),
    networkConnections: read(() => silo.networkConnections(at.vpcId, signal)),
    routeTables: read(() => silo.routeTables(at.vpcId, signal)),
    endpoints: read(() => silo.endpoints(at.vpcId, signal)),
    loadBalancer,
    webAcl: read(() => silo.webAcl(at.loadBalancerArn, signal)),
    bucket: read(() => silo.bucket(at.bucketName, signal)),
    backupVault: read(() => silo.backupVault(at.backupVaultName, signal)),
    backupPlan: read(async () => silo.backupPlan(await backupPlanId(cloud, at, signal), signal)),
    logGroups: read(() => logGroupsOf(silo, at.practiceId, signal)),
    listener: read(() => silo.listener(at.httpsListenerArn, signal)),
    rules: read(() => silo.rules(at.httpsListenerArn, signal)),
    address: read(async () => {
      const { status, tls } = await probe.get(at.hostName, '/', signal);
      return { status, tls };
    }),
    targetGroups: read(() => silo.targetGroups(at.loadBalancerArn, signal)),
    service,
    taskDefinition: read(async () => silo.taskDefinition(valueOf(await service).taskDefinitionArn, signal)),
    tasks: read(() => silo.tasks(at.clusterName, at.serviceName, signal)),
    version: read(() => answerOf(probe, at.hostName, '/version', versionSchema, signal)),
    readiness: read(() => answerOf(probe, at.hostName, '/readyz', readinessSchema, signal)),
  });
}

/** A backup plan has no name of its own to be found by: its id is on the stack. */
async function backupPlanId(
  { stacks }: Pick<CloudPorts, 'stacks'>,
  { practiceId }: SiloAddress,
  signal: AbortSignal | undefined,
): Promise<string> {
  const stackName = stackNameFor(practiceId, 'data');
  const plan = (await stacks.resources(stackName, signal)).find(
    ({ type }) => type === 'AWS::Backup::BackupPlan',
  );
  if (plan?.physicalId) return plan.physicalId;
  throw new DomainError('cloud_failure', `Stack ${stackName} has no backup plan.`);
}

/** The practice's own groups, and the one whose name AWS WAF prescribes. */
async function logGroupsOf(
  silo: SiloReads,
  practiceId: string,
  signal: AbortSignal | undefined,
): Promise<LogGroupFacts[]> {
  const webLog = `aws-waf-logs-lumenality-${practiceId}`;
  const [own, web] = await Promise.all([
    silo.logGroups(`/lumenality/${practiceId}/`, signal),
    silo.logGroups(webLog, signal),
  ]);
  // Names of other practices may begin like this one's.
  return [...own, ...web.filter(({ name }) => name === webLog)];
}

/** Waits for all of them at once, so that none is left to reject unheard when the reading is called off. */
async function settledFacts(
  pending: {
    readonly [Fact in keyof SiloFacts]: Promise<SiloFacts[Fact]>;
  },
): Promise<SiloFacts> {
  const facts = await Promise.all(
    Object.entries(pending).map(async ([fact, reading]) => [fact, await reading]),
  );
  return Object.fromEntries(facts) as SiloFacts;
}

async function reading<T>(
  { now, signal, newWithinMs = 0 }: SiloSources,
  question: () => Promise<T>,
): Promise<Reading<T>> {
  try {
    const value = await readOnceVisible(signal === undefined ? {} : { signal }, question, newWithinMs);
    return { value, at: now().toISOString() };
  } catch (error) {
    signal?.throwIfAborted();
    // Our own database says nothing of the silo.
    if (isDatabaseFault(error)) throw error;
    // A DomainError's message is fit to be kept as evidence; any other error's may hold anything.
    if (!(error instanceof DomainError)) throw error;
    return { error: error.publicMessage, mayPass: error.retryable, at: now().toISOString() };
  }
}

/** The first of these readings that failed for a reason that may pass by itself, such as AWS having too much to do. */
export function passingFailure(readings: readonly Reading<unknown>[]): string | undefined {
  for (const each of readings) if ('error' in each && each.mayPass === true) return each.error;
  return undefined;
}

/** What depends on a read that failed has failed for the same reason. */
function valueOf<T>(reading: Reading<T>): T {
  if ('error' in reading)
    throw new DomainError('cloud_failure', reading.error, { retryable: reading.mayPass === true });
  return reading.value;
}

async function answerOf<T>(
  probe: HealthProbe,
  hostName: string,
  path: string,
  schema: z.ZodType<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const { status, body } = await probe.get(hostName, path, signal);
  if (status !== 200) throw unexpected(path, `status ${status}: ${body.slice(0, 300)}`);
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    throw unexpected(path, 'no JSON', cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success)
    throw unexpected(path, `not what an app of this platform answers: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function unexpected(path: string, what: string, cause?: unknown): DomainError {
  return new DomainError(
    'verification_failed',
    `GET ${path} answered ${what}`,
    cause === undefined ? {} : { cause },
  );
}
