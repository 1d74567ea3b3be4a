import { z } from 'zod';
import { releaseCapacity } from '../../db/capacity-store.ts';
import { changeOffboarding, lockOffboarding } from '../../db/offboarding-store.ts';
import { recordClosed } from '../../db/practice-lifecycle-store.ts';
import { quotasOfKept } from '../../domain/capacity.ts';
import { DomainError, isMissing } from '../../domain/errors.ts';
import type { Evidence } from '../../domain/evidence.ts';
import { daysAfter } from '../../domain/offboarding.ts';
import { components } from '../../domain/release.ts';
import { safeguards } from '../../domain/silo-check.ts';
import { stackNameFor } from '../../domain/stack-plan.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import { failureWords, keepEvidence } from '../keep-evidence.ts';
import { auditPractice, type LifeCycleParts, movedOn } from '../life-cycle-parts.ts';
import { recordedOutputs } from '../recorded-stacks.ts';
import { subscriptionEnded } from '../subscription-life.ts';
import { snapshotTaken } from './final-snapshot.ts';
import { removed } from './remove-silo.ts';

const confirmed = { name: 'confirm-removed', output: z.object({ checks: z.number().int().positive() }) };

/** Reads that the infrastructure is gone and that what is to outlive it is there, and keeps what it read as evidence. */
export function confirmRemoved(parts: LifeCycleParts): StepDefinition<z.infer<typeof confirmed.output>> {
  return {
    ...confirmed,
    run: async (context) => {
      await context.checkpoint();
      const evidence = (
        await Promise.all([stacksGone(parts, context), networkGone(parts, context), dataKept(parts, context)])
      ).flat();
      await keepEvidence(context, evidence);
      const failures = evidence.filter(({ passed }) => !passed);
      if (failures.length === 0) return { checks: evidence.length };
      throw new DomainError(
        'verification_failed',
        `The removal is not as it should be. ${failureWords(failures)}.`,
        {
          context: {
            nextAction:
              'Find out what the failed checks name, set it right, then retry the run: it looks again.',
          },
        },
      );
    },
  };
}

function stacksGone({ ports }: LifeCycleParts, { run, now, signal }: StepContext): Promise<Evidence[]> {
  return Promise.all(
    components.map(async (component) => {
      const name = stackNameFor(run.practiceId, component);
      const stack = await ports.stacks.describe(name, signal);
      const gone = stack === undefined || stack.status === 'DELETE_COMPLETE';
      return {
        check: `removed-${component}`,
        title: `The ${component} stack is gone`,
        safeguards: safeguards.operation,
        expected: 'none',
        observed: gone ? 'none' : `${name} is ${stack.status}`,
        passed: gone,
        observedAt: now().toISOString(),
        source: 'cloudformation:DescribeStacks',
      };
    }),
  );
}

/** The network by its own reads: what a stack says of itself is not what is there. */
async function networkGone({ ports }: LifeCycleParts, context: StepContext): Promise<Evidence[]> {
  const { db, run, now, signal } = context;
  const { VpcId: vpcId, LoadBalancerArn: loadBalancer } =
    (await recordedOutputs(db, run.practiceId)).get('foundation') ?? {};
  const reads = [
    {
      what: 'network',
      id: vpcId,
      read: (id: string) => ports.silo.vpcTags(id, signal),
      source: 'ec2:DescribeVpcs',
    },
    {
      what: 'load-balancer',
      id: loadBalancer,
      read: (id: string) => ports.silo.loadBalancer(id, signal),
      source: 'elasticloadbalancing:DescribeLoadBalancers',
    },
  ];
  const known = reads.flatMap(({ id, ...rest }) => (id === undefined || id === '' ? [] : [{ id, ...rest }]));
  return Promise.all(
    known.map(async ({ what, id, read, source }) => {
      const observed = (await isThere(() => read(id))) ? id : 'none';
      return {
        check: `removed-${what}`,
        title: `The ${what.replace('-', ' ')} is gone`,
        safeguards: safeguards.operation,
        expected: 'none',
        observed,
        passed: observed === 'none',
        observedAt: now().toISOString(),
        source,
      };
    }),
  );
}

async function isThere(read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function dataKept({ ports }: LifeCycleParts, context: StepContext): Promise<Evidence[]> {
  const { database, keyArn } = context.outputOf(snapshotTaken);
  const { run, now, signal } = context;
  if (database === null || keyArn === null) return [];
  const removal = ports.removal(run.practiceId);
  const [exists, snapshot, key] = await Promise.all([
    ports.silo.databaseExists(database.instanceId, signal),
    removal.snapshot(database.snapshot.id, signal),
    removal.keyLife(keyArn, signal),
  ]);
  const at = now().toISOString();
  const facts = [
    [
      'removed-database',
      'The database instance is gone',
      'none',
      exists ? database.instanceId : 'none',
      'rds:DescribeDBInstances',
    ],
    [
      'kept-snapshot',
      'The final snapshot is there',
      'available',
      snapshot?.status ?? 'none',
      'rds:DescribeDBSnapshots',
    ],
    ['kept-key', "The practice's key is there", 'Enabled', key?.state ?? 'none', 'kms:DescribeKey'],
  ] as const;
  return facts.map(([check, title, expected, observed, source]) => ({
    check,
    title,
    safeguards: check === 'removed-database' ? safeguards.operation : safeguards.backup,
    expected,
    observed,
    passed: expected === observed,
    observedAt: at,
    source,
  }));
}

const recorded = {
  name: 'deprovision',
  output: z.object({ kept: z.array(z.object({ type: z.string(), id: z.string() })) }),
};

/** The practice is deprovisioned from here on: its capacity is free but for what is kept, and the clock of the retention starts. */
export const deprovision: StepDefinition<z.infer<typeof recorded.output>> = {
  ...recorded,
  run: async (context) => ({
    kept: components.flatMap((component) => context.outputOf(removed(component)).kept),
  }),
  commit: async (trx, { kept }, { run, now }) => {
    const at = now();
    const { practiceId: id } = run;
    if (!(await recordClosed(trx, { id, from: ['offboarding'], to: 'deprovisioned', now: at }))) {
      throw movedOn(id, 'being offboarded');
    }
    const offboarding = await lockOffboarding(trx, id);
    if (offboarding?.stage !== 'deprovisioning') throw movedOn(id, 'being deprovisioned');
    const retentionEndsAt = daysAfter(at, offboarding.retentionDays);
    await changeOffboarding(trx, id, {
      stage: 'retention',
      runId: null,
      deprovisionedAt: at,
      retentionEndsAt,
      kept,
    });
    const keptTypes = kept.map(({ type }) => type);
    const except = quotasOfKept(keptTypes, offboarding.finalSnapshot !== null);
    await releaseCapacity(trx, id, 'deprovisioned', { runId: run.id, now: at, except });
    const details = { retentionEndsAt: retentionEndsAt.toISOString(), kept };
    await auditPractice(trx, run, 'practice.deprovisioned', details, at);
    await subscriptionEnded(trx, { practiceId: id, at }, 'the practice was deprovisioned');
  },
};
