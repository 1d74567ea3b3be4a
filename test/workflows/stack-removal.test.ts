import type { Database } from '../../lib/db/database.ts';
import { DomainError } from '../../lib/domain/errors.ts';
import type { StackDeployments, StackView } from '../../lib/ports/stack-deployments.ts';
import type { RunContext } from '../../lib/runs/workflow.ts';
import { type Removal, removeStack } from '../../lib/workflows/stack-removal.ts';
import { openTestDatabase } from '../builders/database.ts';
import { silent } from '../builders/runs.ts';

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const stack: StackView = {
  stackId: 'arn:aws:cloudformation:us-east-1:000000000000:stack/lumenality-oak-foundation/1',
  name: 'lumenality-oak-foundation',
  status: 'CREATE_IN_PROGRESS',
  statusReason: null,
  parameters: {},
  outputs: {},
  tags: {},
  terminationProtection: false,
  createdAt: new Date(0),
};

/** A stack whose protected load balancers come to be one by one, each with a deletion that had begun before. */
function protectedStack(balancers: readonly string[]) {
  const released = new Set<string>();
  const tokens: string[] = [];
  let status = stack.status;
  const made = () => balancers.slice(0, tokens.length);
  const stacks = {
    describe: async () => ({ ...stack, status: tokens.length === 0 ? 'CREATE_COMPLETE' : status }),
    resources: async () =>
      made().map((physicalId) => ({
        logicalId: physicalId,
        physicalId,
        type: 'AWS::ElasticLoadBalancingV2::LoadBalancer',
        status: 'CREATE_COMPLETE',
      })),
    eventsSince: async () => [],
    remove: async (_id: string, token: string) => {
      const all = tokens.length > 0 && made().every((arn) => released.has(arn));
      tokens.push(token);
      status = all || balancers.length === 0 ? 'DELETE_COMPLETE' : 'DELETE_FAILED';
    },
  } as unknown as StackDeployments;
  const context = {
    run: { id: '00000000-0000-4000-8000-000000000000', practiceId: 'oak', generation: 1 },
    db: database.db,
    signal: new AbortController().signal,
    log: silent,
    token: (action: string) => action,
    checkpoint: async () => undefined,
  } as unknown as RunContext;
  const removal: Removal = {
    context,
    stacks,
    actions: {
      allowLoadBalancerDeletion: async (arn) => {
        released.add(arn);
      },
    },
    step: 'cancel',
    intervalMs: 1,
  };
  return { removal, tokens, released };
}

test('a load balancer that comes to be while its stack is being deleted is released, and the deletion is asked for anew', async () => {
  const { removal, tokens, released } = protectedStack(['balancer']);
  await removeStack(removal, stack);
  expect([...released]).toEqual(['balancer']);
  // With the first token CloudFormation would only join the deletion that failed.
  expect(new Set(tokens).size).toBe(2);
});

test('a deletion that fails for another reason is told and not repeated', async () => {
  const { removal, tokens } = protectedStack(['balancer']);
  const stubborn: Removal = {
    ...removal,
    stacks: { ...removal.stacks, resources: async () => [] },
  };
  await expect(removeStack(stubborn, stack)).rejects.toThrow(DomainError);
  expect(tokens).toHaveLength(1);
});
