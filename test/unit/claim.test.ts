import { assertMaySend } from '../../lib/ports/may-send.ts';
import { Claim, ClaimExpired, ClaimLost } from '../../lib/runs/claim.ts';
import { RetryBudget } from '../../lib/runs/retry-budget.ts';

describe('a claim on a run', () => {
  const leaseMs = 7_000;
  const claimOf = (answer: (claim: Claim) => void): Claim => {
    const claim: Claim = new Claim({ id: 'run', generation: 1 }, leaseMs, async () => answer(claim));
    return claim;
  };

  test('lets calls leave while it is confirmed', async () => {
    const signal = await claimOf((claim) => claim.confirm(performance.now())).begin();
    expect(() => assertMaySend(signal)).not.toThrow();
  });

  test('lets none leave once its time is over, also before any timer has noticed', async () => {
    const claim = claimOf((asked) => asked.confirm(performance.now() - leaseMs));
    const signal = await claim.begin();
    expect(signal.aborted).toBe(false);
    expect(() => assertMaySend(signal)).toThrow(ClaimExpired);
    expect(signal.aborted).toBe(true);
  });

  test('lets none leave once another worker has the run, however short ago it was confirmed', async () => {
    const claim = claimOf((asked) => asked.confirm(performance.now()));
    const signal = await claim.begin();
    claim.lose('taken over');
    expect(() => assertMaySend(signal)).toThrow(ClaimLost);
    await expect(claim.begin()).rejects.toThrow('taken over');
  });

  test('that is handed over lets what has begun finish, and begins nothing more', async () => {
    const claim = claimOf((asked) => asked.confirm(performance.now()));
    const signal = await claim.begin();
    claim.handOver();
    expect(() => assertMaySend(signal)).not.toThrow();
    expect(() => claim.assertStays()).toThrow(ClaimLost);
    await expect(claim.pause(60_000)).rejects.toThrow(ClaimLost);
  });

  test('is never younger than the question that confirmed it', async () => {
    const claim = claimOf((asked) => asked.confirm(performance.now()));
    const signal = await claim.begin();
    claim.confirm(performance.now() - 2 * leaseMs);
    expect(() => assertMaySend(signal)).not.toThrow();
  });
});

describe('the budget for errors that may pass', () => {
  const policy = { firstDelayMs: 1_000, longestDelayMs: 8_000, budgetMs: 60_000 };
  const fail = (budget: RetryBudget, checkpoints = 1): number | undefined => {
    budget.beginAttempt();
    for (let passed = 0; passed < checkpoints; passed += 1) budget.passCheckpoint();
    return budget.nextDelay();
  };

  test('waits twice as long each time, with up to half taken off, and no longer than the longest', () => {
    const budget = new RetryBudget(policy);
    for (const full of [1_000, 2_000, 4_000, 8_000, 8_000]) {
      const waitMs = fail(budget) ?? 0;
      expect(waitMs).toBeLessThanOrEqual(full);
      expect(waitMs).toBeGreaterThanOrEqual(full / 2);
    }
  });

  test('is used up by failing at the same place', () => {
    const budget = new RetryBudget(policy);
    const waits: number[] = [];
    for (let wait = fail(budget); wait !== undefined; wait = fail(budget)) waits.push(wait);
    const spent = waits.reduce((sum, wait) => sum + wait, 0);
    expect(spent).toBeLessThanOrEqual(policy.budgetMs);
    expect(spent).toBeGreaterThan(policy.budgetMs - policy.longestDelayMs);
  });

  test.each([
    ['a resource that was told of', (budget: RetryBudget) => budget.refill(), 1],
    ['an attempt that got further', () => undefined, 2],
  ])('is full again after %s', (_what, progress, further) => {
    const budget = new RetryBudget(policy);
    for (let round = 1; round <= 20; round += 1) {
      for (let failures = 0; failures < 5; failures += 1) {
        expect(fail(budget, further === 1 ? 1 : round)).toBeDefined();
      }
      progress(budget);
    }
  });
});
