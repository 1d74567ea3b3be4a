import { defaultPolicy } from '../../lib/domain/rollout.ts';
import { type Baking, lookAt } from '../../lib/domain/rollout-bake.ts';
import { judgeSoFar } from '../../lib/domain/rollout-gate.ts';

const at = (time: string): Date => new Date(`2026-11-21T${time}Z`);
const span = (from: string, until: string) => ({ from: at(from), until: at(until) });

describe('what a look at a practice that bakes compares', () => {
  const baking: Baking = {
    startedAt: at('02:00:40'),
    finishedAt: at('02:20:10'),
    bakedUntil: at('02:50:10'),
    lookedAt: null,
  };
  const before = span('01:30:00', '02:00:00');

  test('the minutes in which the update began and ended belong to neither side', () => {
    expect(lookAt(baking, at('02:56:00'))).toEqual({
      before,
      after: span('02:21:00', '02:51:00'),
      isWhole: true,
    });
  });

  test('the bake time is judged once the figures of its last minute are there', () => {
    const last = { ...baking, lookedAt: at('02:55:30') };
    expect(lookAt(last, at('02:55:59'))).toBeUndefined();
    expect(lookAt(last, at('02:56:00'))).toMatchObject({ isWhole: true });
    const whole = { ...baking, lookedAt: at('02:56:00') };
    expect(lookAt(whole, at('03:00:59'))).toBeUndefined();
    expect(lookAt(whole, at('03:01:00'))).toMatchObject({ isWhole: true });
  });

  test('before that every five minutes shows the figures that are there', () => {
    expect(lookAt(baking, at('02:25:00'))).toBeUndefined();
    const first = { before, after: span('02:21:00', '02:21:00'), isWhole: false };
    expect(lookAt(baking, at('02:25:10'))).toEqual(first);
    const looked = { ...baking, lookedAt: at('02:25:10') };
    expect(lookAt(looked, at('02:30:00'))).toBeUndefined();
    expect(lookAt(looked, at('02:30:10'))).toEqual({ ...first, after: span('02:21:00', '02:25:00') });
  });

  test('without bake time there is nothing to wait for, and nothing to compare', () => {
    const none = { ...baking, bakedUntil: baking.finishedAt };
    const after = span('02:21:00', '02:21:00');
    expect(lookAt(none, none.finishedAt)).toMatchObject({ after, isWhole: true });
  });
});

describe('while a practice bakes', () => {
  const calm = { requests: 1_000, errors: 10, latencyMs: 100 };
  const judged = (after: object, alarms: readonly string[] = []) =>
    judgeSoFar({ before: calm, after: { ...calm, ...after }, alarms }, defaultPolicy.thresholds);

  test('an alarm is enough', () => {
    expect(judged({}, ['app-errors'])).toEqual({ passed: false, words: 'in alarm: app-errors' });
  });

  test.each([
    ['as few errors as before', {}, true],
    ['an error or four among the first requests', { requests: 20, errors: 4 }, true],
    ['no more errors than twice what is allowed', { errors: 49 }, true],
    ['clearly more errors', { errors: 51 }, false],
    ['slow answers, which the end of the bake time judges', { latencyMs: 9_000 }, true],
  ])('%s', (_what, after, passed) => {
    expect(judged(after).passed).toBe(passed);
  });
});
