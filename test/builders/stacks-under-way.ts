import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import { sandboxDefaults } from '../../lib/config.ts';
import type { Db } from '../../lib/db/database.ts';
import type { RunEventBody } from '../../lib/domain/run.ts';
import type { StackDeployments } from '../../lib/ports/stack-deployments.ts';
import type { RunContext } from '../../lib/runs/workflow.ts';
import type { Watch } from '../../lib/workflows/stack-progress.ts';
import { callsMade, control } from './sandbox-controls.ts';

const type = 'AWS::SNS::Topic';
const TemplateBody = JSON.stringify({ Resources: { Topic: { Type: type } } });

/** So many stacks are begun at once: it is not their beginning that is looked at. */
const atOnce = 16;

/** Begins stacks in the sandbox, each of which takes `lastingMs` from when it begins; answers their ids. */
export async function beginStacks(
  endpoint: string,
  {
    count,
    lastingMs,
    prefix,
  }: { readonly count: number; readonly lastingMs: number; readonly prefix: string },
): Promise<string[]> {
  const effect = { kind: 'delay', ms: lastingMs };
  const rule = { resourceType: type, action: 'create', match: prefix, effect };
  await addFault(endpoint, rule);
  const { region, credentials } = sandboxDefaults;
  const client = new CloudFormationClient({ region, endpoint, credentials });
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  const ids: string[] = [];
  const beginNext = async (): Promise<void> => {
    for (let StackName = names.shift(); StackName !== undefined; StackName = names.shift()) {
      const { StackId = '' } = await client.send(new CreateStackCommand({ StackName, TemplateBody }));
      ids.push(StackId);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, beginNext));
  client.destroy();
  return ids;
}

/** What a run is to whoever follows a stack for it. */
export interface Follower {
  readonly watch: Watch;
  /** What was told, in order. */
  readonly told: RunEventBody[];
}

export function followerOf(
  stacks: StackDeployments,
  db: Db,
  signal: AbortSignal = new AbortController().signal,
): Follower {
  const told: RunEventBody[] = [];
  const context = {
    run: { id: '00000000-0000-4000-8000-000000000000', practiceId: 'oak', generation: 1 },
    db,
    signal,
    checkpoint: async () => signal.throwIfAborted(),
    emit: async (...events: readonly RunEventBody[]) => {
      told.push(...events);
    },
  } as unknown as RunContext;
  return { watch: { context, stacks, step: 'deploy-data', intervalMs: 1 }, told };
}

/** Adds a fault (docs/sandbox.md, "Controls"). */
export async function addFault(endpoint: string, rule: object): Promise<void> {
  await control(endpoint, 'POST', 'faults', rule);
}

/** How often each operation of CloudFormation was called so far. */
export async function callsTo(endpoint: string): Promise<ReadonlyMap<string, number>> {
  return new Map(
    Object.entries(await callsMade(endpoint)).flatMap(([name, count]) =>
      name.startsWith('cloudformation:') ? [[name.slice('cloudformation:'.length), count]] : [],
    ),
  );
}
