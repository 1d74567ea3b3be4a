import { z } from 'zod';
import { appendEvidence } from '../../db/evidence-store.ts';
import { readRelease } from '../../db/release-store.ts';
import { appendRunEvents } from '../../db/run-event-store.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Evidence } from '../../domain/evidence.ts';
import type { SiloExpectations } from '../../domain/silo-check.ts';
import { judgeSilo } from '../../domain/silo-checks.ts';
import type { CloudPorts } from '../../ports/cloud.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import { readSilo, type SiloAddress } from '../read-silo.ts';
import { outputsBefore } from './deploy-component.ts';
import { prepared } from './prepare.ts';

export interface VerifyParts {
  readonly cloud: Pick<CloudPorts, 'silo' | 'probe'>;
}

const verified = { name: 'verify', output: z.object({ checks: z.number().int().positive() }) };

/**
 * Reads the silo live, judges it, keeps every result as evidence, and fails when one check does: a practice whose
 * silo is not as promised never becomes active.
 */
export function verify({ cloud }: VerifyParts): StepDefinition<z.infer<typeof verified.output>> {
  return {
    ...verified,
    run: async (context) => {
      const { address, expectations } = await promised(context);
      await context.checkpoint();
      const { db, now, signal } = context;
      const facts = await readSilo({ cloud, db, now, signal }, address);
      const evidence = judgeSilo(facts, expectations);
      await keep(context, evidence);
      const failures = evidence.filter(({ passed }) => !passed);
      if (failures.length > 0) throw notAsPromised(failures, evidence.length);
      return { checks: evidence.length };
    },
  };
}

/** What the silo is held against: the release, the plan's shape and the outputs of the silo's own stacks. */
async function promised(
  context: StepContext,
): Promise<{ readonly address: SiloAddress; readonly expectations: SiloExpectations }> {
  const { releaseId, hostName, standing } = context.outputOf(prepared);
  const { practiceId } = context.run;
  const release = await readRelease(context.db, releaseId);
  if (release === undefined) throw new DomainError('not_found', `Release ${releaseId} is not published.`);
  const outputs = outputsBefore(context, undefined);
  const output = (name: string): string => valueNamed(outputs, name, 'outputs of the silo’s stacks');
  const list = (name: string): string[] => output(name).split(',');
  const keyArn = output('KeyArn');
  const vpcId = output('VpcId');
  const databaseSecretArn = output('DatabaseSecretArn');
  return {
    address: {
      practiceId,
      hostName,
      keyArn,
      vpcId,
      databaseSecretArn,
      databaseInstanceId: output('DatabaseInstanceId'),
      httpsListenerArn: output('HttpsListenerArn'),
      clusterName: output('ClusterName'),
      serviceName: output('ServiceName'),
      serviceArn: output('ServiceArn'),
    },
    expectations: {
      practiceId,
      releaseId,
      imageDigest: release.manifest.image.digest,
      keyArn,
      vpcId,
      databaseSecretArn,
      loadBalancerArn: output('LoadBalancerArn'),
      appSecurityGroupId: output('AppSecurityGroupId'),
      databaseSubnetIds: list('DatabaseSubnetIds'),
      appSubnetIds: list('AppSubnetIds'),
      backupRetentionDays: Number(valueNamed(standing, 'BackupRetentionDays', 'shape')),
      desiredCount: Number(valueNamed(standing, 'DesiredCount', 'shape')),
    },
  };
}

function valueNamed(values: Readonly<Record<string, string>>, name: string, where: string): string {
  const value = values[name];
  if (value !== undefined && value !== '') return value;
  throw new DomainError(
    'verification_failed',
    `The silo cannot be verified: ${name} is not among the ${where}.`,
  );
}

/** Evidence is kept whatever it says, with an event for each check, before anything is concluded from it. */
function keep({ run, now, write }: StepContext, evidence: readonly Evidence[]): Promise<void> {
  return write(async (trx) => {
    await appendEvidence(trx, { practiceId: run.practiceId, runId: run.id }, evidence);
    const events = evidence.map(({ check, title, passed, expected, observed }) => ({
      kind: 'check' as const,
      check,
      title,
      passed,
      expected,
      observed,
    }));
    await appendRunEvents(trx, run.id, events, now());
  });
}

function notAsPromised(failures: readonly Evidence[], all: number): DomainError {
  const said = failures.map(
    ({ check, expected, observed }) => `${check}: expected ${expected}, observed ${observed}`,
  );
  return new DomainError(
    'verification_failed',
    `${failures.length} of ${all} checks failed. ${said.join('; ')}.`,
    {
      context: {
        nextAction:
          'The practice stays inactive. Correct what the failed checks name, then retry the run: it verifies again. Or cancel it.',
      },
    },
  );
}
