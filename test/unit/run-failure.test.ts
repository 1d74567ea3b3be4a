import { DomainError } from '../../lib/domain/errors.ts';
import { runErrorFrom } from '../../lib/runs/run-failure.ts';

const at = { runId: '4b6f0c9e-0000-4000-8000-000000000000', step: 'deploy-data' };

test('a failed resource and the next action travel into the run', () => {
  const resource = { stackName: 's', logicalId: 'Key', type: 'AWS::KMS::Key', reason: 'limit' };
  const error = new DomainError('deployment_failed', 'Key failed: limit', {
    context: { resource, nextAction: 'Raise the limit.', requestId: 'not for the run' },
  });
  expect(runErrorFrom(error, at)).toEqual({
    code: 'deployment_failed',
    message: 'Key failed: limit',
    step: 'deploy-data',
    resource,
    retryable: false,
    nextAction: 'Raise the limit.',
  });
});

test('without a next action of its own, an error says what helps in general', () => {
  const passing = new DomainError('cloud_failure', 'Rate exceeded', { retryable: true });
  expect(runErrorFrom(passing, at).nextAction).toMatch(/retry the run/);
  expect(runErrorFrom(new DomainError('conflict', 'no'), at).nextAction).toMatch(/cancel it/);
});

test('an unknown error is named, and nothing of what it says is shown', () => {
  const shown = runErrorFrom(new Error('postgres://user:hunter2@host'), at);
  expect(shown).toMatchObject({ code: 'internal', step: 'deploy-data' });
  expect(JSON.stringify(shown)).not.toContain('hunter2');
  expect(shown.nextAction).toContain(at.runId);
});
