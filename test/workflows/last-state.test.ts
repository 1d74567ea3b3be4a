import type { Database } from '../../lib/db/database.ts';
import type { StackDeployments, StackView } from '../../lib/ports/stack-deployments.ts';
import type { RunContext } from '../../lib/runs/workflow.ts';
import { requireLastState } from '../../lib/workflows/last-state.ts';
import type { LifeCycleParts } from '../../lib/workflows/life-cycle-parts.ts';
import { removeComponent } from '../../lib/workflows/remove-component.ts';
import type { Removal } from '../../lib/workflows/stack-removal.ts';
import { closeEntrance } from '../../lib/workflows/steps/set-entrance.ts';
import { openTestDatabase } from '../builders/database.ts';
import { insertPracticeRun, silent } from '../builders/runs.ts';

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const hourMs = 3_600_000;

type Standing = Pick<StackView, 'name' | 'parameters'> & Partial<StackView>;

/** A practice with a service that was tried, and the stacks that stand under its names; `changes` tells what was asked of AWS. */
async function practiceWith(practiceId: string, ...standing: readonly Standing[]) {
  const id = await insertPracticeRun(
    database.db,
    { practiceId, steps: ['deploy-service'] },
    async () => undefined,
  );
  await database.db.updateTable('run_step').set({ attempt: 1 }).where('run_id', '=', id).execute();
  const changes: string[] = [];
  const describe = async (name: string): Promise<StackView | undefined> => {
    const stack = standing.find((each) => each.name === name);
    if (stack === undefined) return undefined;
    const stackId = `arn:aws:cloudformation:us-east-1:000000000000:stack/${name}/1`;
    const rest = { statusReason: null, outputs: {}, tags: {}, terminationProtection: false };
    return { stackId, status: 'UPDATE_COMPLETE', createdAt: new Date(), ...rest, ...stack };
  };
  const stacks = {
    describe,
    resources: async () => [],
    eventsSince: async () => [],
    remove: async (stackId: string) => {
      changes.push(`remove ${stackId}`);
      standing = [];
    },
  } as unknown as StackDeployments;
  const context = {
    run: { id, practiceId, generation: 1, input: { cameFrom: 'provisioning_failed' } },
    step: 'close-entrance',
    db: database.db,
    signal: new AbortController().signal,
    log: silent,
    now: () => new Date(),
    token: (action: string) => action,
    checkpoint: async () => undefined,
    write: (work: Parameters<RunContext['write']>[0]) => database.db.transaction().execute(work),
  } as unknown as Parameters<ReturnType<typeof closeEntrance>['run']>[0];
  const actions = { allowLoadBalancerDeletion: async () => undefined };
  const watch: Removal = { context, stacks, actions, step: 'final-snapshot', intervalMs: 1 };
  const activated = () =>
    database.db
      .updateTable('practice')
      .set({ activated_at: new Date() })
      .where('id', '=', practiceId)
      .execute();
  return { watch, context, changes, activated };
}

const service = (practiceId: string, Access: string, DatabaseInstanceId: string): Standing => ({
  name: `lumenality-${practiceId}-service`,
  parameters: { Access, DatabaseInstanceId },
});

const refused = (publicMessage: RegExp) => ({
  code: 'change_refused',
  publicMessage: expect.stringMatching(publicMessage) as string,
});

test('an exit goes on only where the entrance is closed and the database is the one in use', async () => {
  const sound = await practiceWith('acorn-aba', service('acorn-aba', 'closed', 'db-1'));
  await sound.activated();
  await expect(requireLastState(sound.watch, 'db-1')).resolves.toBeUndefined();
  // The runbook restores into a second stack: the data stack's own database is out of date then.
  await expect(requireLastState(sound.watch, 'db-0')).rejects.toMatchObject(refused(/works with .* db-1/));
  await expect(requireLastState(sound.watch, undefined)).rejects.toMatchObject(refused(/db-1/));
});

test('an exit that was taken back after the backup from which this record was restored is not gone on with', async () => {
  const { watch, activated } = await practiceWith('birch-pt', service('birch-pt', 'open', 'db-1'));
  await activated();
  await expect(requireLastState(watch, 'db-1')).rejects.toMatchObject(refused(/has it open/));
});

test('that a practice’s database is not found is no reason to go on without a snapshot, unless it never was active', async () => {
  const { watch, activated } = await practiceWith('cedar-ot');
  await expect(requireLastState(watch, undefined)).resolves.toBeUndefined();
  await activated();
  await expect(requireLastState(watch, undefined)).rejects.toMatchObject(refused(/was active/));
});

test('a service that is older than the approval of its practice is not removed, by whatever way', async () => {
  const createdAt = new Date(Date.now() - hourMs);
  const older = { ...service('dogwood-aba', 'open', 'db-1'), createdAt };
  const { watch, context, changes } = await practiceWith('dogwood-aba', older);
  const anothers = refused(/before practice dogwood-aba was approved/);
  await expect(removeComponent(watch, 'service')).rejects.toMatchObject(anothers);
  const parts = { ports: watch, pollIntervalMs: 1 } as unknown as LifeCycleParts;
  await expect(closeEntrance(parts).run(context)).rejects.toMatchObject(anothers);
  expect(changes).toEqual([]);
});

test('nor is one that no run on record has deployed', async () => {
  const { watch, context, changes } = await practiceWith('elm-speech', service('elm-speech', 'open', 'db-1'));
  await database.db.updateTable('run_step').set({ attempt: 0 }).execute();
  const parts = { ports: watch, pollIntervalMs: 1 } as unknown as LifeCycleParts;
  await expect(closeEntrance(parts).run(context)).rejects.toMatchObject(refused(/no run on record/));
  expect(changes).toEqual([]);
});
