import { runSchema } from '../../control-api/contracts/runs.ts';
import type { RunError } from '../../lib/domain/run.ts';
import { provisioningSteps } from '../builders/api.ts';
import { eventually } from '../builders/runs.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type CommandLine, startCli } from './run-cli.ts';
import { startHere } from './run-here.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(async () => {
  await plane.close();
});

const given = () => ({ env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token } });
const start = (...args: string[]): CommandLine => startHere(args, given());

const failure: RunError = {
  code: 'deployment_failed',
  message: 'The foundation stack was rolled back.',
  step: 'deploy-foundation',
  resource: {
    stackName: 'lumenality-x-foundation',
    logicalId: 'Vpc',
    type: 'AWS::EC2::VPC',
    reason: 'The maximum number of VPCs\u001b[2J has been reached.',
  },
  retryable: true,
  nextAction: 'Raise the VPC quota of the cell, then retry the run.',
};

const resource = (logicalId: string, status: string) =>
  ({
    kind: 'resource',
    step: 'deploy-foundation',
    stackName: 'lumenality-x-foundation',
    stackId: 'stack-1',
    eventId: `${logicalId}-${status}`,
    logicalId,
    resourceType: 'AWS::KMS::Key',
    physicalId: null,
    status,
    reason: null,
  }) as const;

async function succeed(runId: string, steps: readonly string[]): Promise<void> {
  for (const step of steps) {
    await plane.step(runId, step, 'running');
    await plane.step(runId, step, 'succeeded');
  }
  await plane.end(runId, 'succeeded');
}

/** How often a line with this text was printed. */
const count = (stdout: string, text: string) => stdout.split(text).length - 1;

describe('watching a run', () => {
  test('each event is told once and in order, over a connection that breaks', async () => {
    const { runId, practiceId } = await plane.approved('Dropped');
    const watch = start('run', 'watch', runId, '--verbose');
    await plane.step(runId, 'prepare', 'running');
    await watch.says('prepare running');
    await plane.tell(runId, resource('Key', 'CREATE_IN_PROGRESS'), resource('Key', 'CREATE_COMPLETE'));
    await watch.says('Key (AWS::KMS::Key) CREATE_COMPLETE, 1 of 1 resources');
    plane.cut();
    await watch.says('Lost the control plane');
    await plane.step(runId, 'prepare', 'succeeded');
    await watch.says('The control plane is back.');
    await succeed(runId, provisioningSteps.slice(1));

    const { code, stdout, stderr } = await watch.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const told = provisioningSteps.flatMap((step) => [`${step} running`, `${step} succeeded`]);
    expect(told.map((line) => count(stdout, line))).toEqual(told.map(() => 1));
    expect(told.map((line) => stdout.indexOf(line))).toEqual(
      told.map((line) => stdout.indexOf(line)).sort((a, b) => a - b),
    );
    expect(stdout).toContain(`practice ${practiceId} is active`);
  });

  test('a log gets steps and failures, not a line for each resource', async () => {
    const { runId } = await plane.approved('Terse');
    await plane.step(runId, 'deploy-foundation', 'running');
    await plane.tell(
      runId,
      resource('Key', 'CREATE_IN_PROGRESS'),
      resource('Key', 'CREATE_COMPLETE'),
      resource('Vpc', 'CREATE_FAILED'),
    );
    await succeed(runId, provisioningSteps);
    const [brief, verbose] = await Promise.all([
      start('run', 'watch', runId).ended,
      start('run', 'watch', runId, '--verbose').ended,
    ]);
    expect(brief.stdout).toContain('deploy-foundation: Vpc (AWS::KMS::Key) CREATE_FAILED');
    expect(brief.stdout).not.toContain('CREATE_COMPLETE');
    expect(verbose.stdout).toContain(
      'deploy-foundation: Key (AWS::KMS::Key) CREATE_COMPLETE, 1 of 1 resources',
    );
  });

  test('a restart of the control plane is survived, and what happened meanwhile is told', async () => {
    const { runId, practiceId } = await plane.approved('Restarted');
    const watch = start('practice', 'watch', practiceId);
    await watch.says('run queued');
    await plane.stop();
    await watch.says('Lost the control plane');
    await plane.step(runId, 'prepare', 'running');
    await plane.start();
    await watch.says('prepare running');
    await succeed(runId, provisioningSteps);
    expect((await watch.ended).code).toBe(0);
  });

  test("a failure names the resource, CloudFormation's reason and the next action, and is exit code 1", async () => {
    const { runId, practiceId } = await plane.approved('Failing');
    await plane.step(runId, 'deploy-foundation', 'running');
    await plane.step(runId, 'deploy-foundation', 'failed');
    await plane.end(runId, 'failed', failure);
    const [told, json] = await Promise.all([
      start('run', 'watch', practiceId).ended,
      start('run', 'watch', runId, '--json').ended,
    ]);
    expect(told.code).toBe(1);
    expect(told.stdout).toContain('Vpc (AWS::EC2::VPC) in lumenality-x-foundation');
    expect(told.stdout).toContain('The maximum number of VPCs');
    expect(told.stdout).toContain('Raise the VPC quota');
    expect(told.stdout).toContain(`npx lumenality run retry ${runId} --wait`);
    expect(json).toMatchObject({ code: 1, stderr: '' });
    expect(runSchema.parse(JSON.parse(json.stdout))).toMatchObject({ state: 'failed', error: failure });
    // What the cloud says must not drive the terminal.
    expect(told.stdout).not.toContain('\u001b');
  });

  test('Ctrl-C leaves the run going and says how to come back', async () => {
    const { runId } = await plane.approved('Left');
    await plane.step(runId, 'prepare', 'running');
    const watch = startCli(['run', 'watch', runId], given());
    await watch.says('prepare running');
    watch.child.kill('SIGINT');
    const { code, stderr } = await watch.ended;
    expect(code).toBe(130);
    expect(stderr).toContain(`npx lumenality run watch ${runId}`);
    await eventually('its stream to be closed', () => (plane.streams() === 0 ? true : undefined));
    const answer = await plane.api.call({ method: 'GET', url: `/v1/runs/${runId}` });
    expect(runSchema.parse(answer.json()).state).toBe('running');
  });

  test('--timeout ends the watching with exit code 7', async () => {
    const { runId } = await plane.approved('Slow');
    const { code, stderr } = await start('run', 'watch', runId, '--timeout', '1s').ended;
    expect(code).toBe(7);
    expect(stderr).toContain('It has not ended within 1 s.');
  });
});

describe('waiting for a change', () => {
  test('approve --wait ends with the run, as one JSON document', async () => {
    const id = await plane.signUp('Awaited');
    const approve = start('signup', 'approve', id, '--reason', 'checked', '--wait', '--json');
    const practice = await eventually('the practice', async () => {
      const answer = await plane.api.call({ method: 'GET', url: '/v1/practices/awaited' });
      return answer.statusCode === 200 ? answer.json<{ latestRunId: string }>() : undefined;
    });
    await succeed(practice.latestRunId, provisioningSteps);
    const { code, stdout, stderr } = await approve.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(runSchema.parse(JSON.parse(stdout)).state).toBe('succeeded');
  });

  test('retry --wait does not tell the failed attempt again', async () => {
    const { runId, practiceId } = await plane.approved('Retried');
    await plane.step(runId, 'prepare', 'running');
    await plane.step(runId, 'prepare', 'failed');
    await plane.end(runId, 'failed', failure);
    const retry = start('run', 'retry', practiceId, '--wait');
    await retry.says('run queued: retried by');
    await plane.step(runId, 'prepare', 'running', 2);
    await plane.step(runId, 'prepare', 'succeeded', 2);
    await succeed(runId, provisioningSteps.slice(1));
    const { code, stdout } = await retry.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('prepare succeeded (attempt 2)');
    expect(stdout).not.toContain('prepare failed');
  });

  test('cancel --wait is done when the run is cancelled, and tells what was kept', async () => {
    const { runId } = await plane.approved('Cancelled');
    const cancel = start('run', 'cancel', runId, '--reason', 'withdrawn', '--yes', '--wait');
    await cancel.says('run cancelling: withdrawn');
    await plane.end(runId, 'cancelled', undefined, ['the key: it is scheduled for deletion']);
    const { code, stdout } = await cancel.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('kept: the key');
  });
});
