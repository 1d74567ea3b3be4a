import { DomainError } from '../../lib/domain/errors.ts';
import { readOnceVisible } from '../../lib/workflows/visibility.ts';

const missing = () =>
  new DomainError('cloud_failure', 'AWS rds shows no instance.', { context: { missing: true } });

test('what is not there yet is asked for again', async () => {
  let asked = 0;
  const answer = readOnceVisible({}, async () => {
    asked += 1;
    if (asked < 3) throw missing();
    return 'there';
  });
  expect(await answer).toBe('there');
  expect(asked).toBe(3);
});

test('what stays away counts as missing, in the words of the last answer', async () => {
  await expect(readOnceVisible({}, () => Promise.reject(missing()), 250)).rejects.toThrow(
    'shows no instance',
  );
});

test('any other error is told at once', async () => {
  let asked = 0;
  const denied = new DomainError('cloud_failure', 'AWS answered AccessDenied');
  const answer = readOnceVisible({}, async () => {
    asked += 1;
    throw denied;
  });
  await expect(answer).rejects.toBe(denied);
  expect(asked).toBe(1);
});
