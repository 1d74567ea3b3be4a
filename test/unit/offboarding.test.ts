import {
  finalSnapshotName,
  nextRun,
  type OffboardingClock,
  type OffboardingStage,
  offboardingStages,
  offboardingTerms,
  stageLines,
  takeBack,
} from '../../lib/domain/offboarding.ts';

const at = (text: string) => new Date(`${text}T12:00:00Z`);

const clock = (change: Partial<OffboardingClock>): OffboardingClock => ({
  stage: 'grace',
  graceDays: 30,
  retentionDays: 2_557,
  graceBeganAt: at('2026-11-20'),
  graceEndsAt: at('2026-12-20'),
  deprovisioningBeganAt: null,
  removalBeganAt: null,
  deprovisionedAt: null,
  retentionEndsAt: null,
  keyDeletionScheduledAt: null,
  keyDeletionAt: null,
  shreddedAt: null,
  purgeAgainAt: null,
  ...change,
});

describe('the terms of an offboarding', () => {
  test('are 30 days of grace and seven years of retention unless told', () => {
    expect(offboardingTerms({}, 35)).toEqual({ graceDays: 30, retentionDays: 2_557, exception: null });
  });

  test.each([
    [{ graceDays: 6 }, '/graceDays'],
    [{ retentionDays: 2_189 }, '/retentionDays'],
    [{ graceDays: -1, exception: 'a court order of May' }, '/graceDays'],
    [{ graceDays: 1.5, exception: 'a court order of May' }, '/graceDays'],
    [{ retentionDays: 40_000 }, '/retentionDays'],
  ])('%j is refused by its field', (asked, pointer) => {
    expect(() => offboardingTerms(asked, 35)).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        fields: [expect.objectContaining({ pointer })],
      }) as Error,
    );
  });

  test('may be shorter for a reason, which stays with them', () => {
    const exception = 'a court order of May';
    expect(offboardingTerms({ graceDays: 0, exception }, 35)).toMatchObject({ graceDays: 0, exception });
  });
});

test('no retention ends so early that a second copy of a backup is readable after the key has gone', () => {
  const asked = { retentionDays: 7, exception: 'a court order of May' };
  expect(offboardingTerms(asked, 35)).toMatchObject({ retentionDays: 7 });
  expect(() => offboardingTerms({ ...asked, retentionDays: 6 }, 35)).toThrow(
    expect.objectContaining({ fields: [expect.objectContaining({ pointer: '/retentionDays' })] }) as Error,
  );
  // The standard term is enough for the longest that a practice may set.
  expect(offboardingTerms({}, 2_555)).toMatchObject({ retentionDays: 2_557 });
  expect(() => offboardingTerms({ ...asked, retentionDays: 2_190 }, 2_555)).toThrow('cannot be taken');
});

describe('what begins by itself, and when', () => {
  test.each<[Partial<OffboardingClock>, string, Date]>([
    [{}, 'deprovision-practice', at('2026-12-20')],
    [{ stage: 'retention', retentionEndsAt: at('2033-12-20') }, 'shred-practice', at('2033-12-20')],
    // KMS may take a day longer than the date that it gave.
    [{ stage: 'key_deletion_pending', keyDeletionAt: at('2034-01-19') }, 'purge-practice', at('2034-01-20')],
    [{ stage: 'shredded', purgeAgainAt: at('2034-01-23') }, 'purge-practice', at('2034-01-23')],
  ])('%j', (change, workflow, due) => {
    expect(nextRun(clock(change))).toEqual({ workflow, at: due });
  });

  test('nothing while somebody closes access, takes the exit back, or a run removes', () => {
    for (const stage of ['closing', 'cancelling', 'deprovisioning', 'cancelled'] as const) {
      expect(nextRun(clock({ stage }))).toBeUndefined();
    }
  });
});

describe('taking an offboarding back', () => {
  const how = (stage: OffboardingStage, removalBeganAt: Date | null = null, runAtWork = false) =>
    takeBack({ stage, removalBeganAt }, 'active', runAtWork);

  test('opens an active practice again in its grace period, and only changes the record of another', () => {
    expect(how('grace')).toEqual({ by: 'resume-practice' });
    expect(takeBack({ stage: 'grace', removalBeganAt: null }, 'suspended', false)).toEqual({ by: 'record' });
  });

  test('keeps a key whose deletion is pending, until it is gone', () => {
    expect(how('key_deletion_pending')).toEqual({ by: 'keep-key' });
    expect(how('key_deletion_pending', null, true)).toHaveProperty('refused');
  });

  test('is refused in every other stage, with the reason and what is possible instead', () => {
    for (const stage of offboardingStages) {
      if (stage === 'grace' || stage === 'key_deletion_pending') continue;
      expect(how(stage)).toEqual({ refused: expect.stringMatching(/.{20}/) as string });
    }
    expect(how('deprovisioning')).toEqual({ refused: expect.stringContaining('cancel that run') as string });
    expect(how('deprovisioning', at('2026-12-20'))).toEqual({
      refused: expect.stringContaining('nothing of that comes back') as string,
    });
  });
});

describe('the stages as people see them', () => {
  const brief = (change: Partial<OffboardingClock>) =>
    stageLines(clock(change)).map(({ stage, state, beginsAt }) => [
      stage,
      state,
      beginsAt?.toISOString().slice(0, 10) ?? null,
    ]);

  test('are planned from the terms as soon as the grace period began', () => {
    expect(brief({})).toEqual([
      ['grace', 'current', '2026-11-20'],
      ['deprovisioning', 'planned', '2026-12-20'],
      ['retention', 'planned', '2026-12-20'],
      ['key_deletion_pending', 'planned', '2033-12-20'],
      ['shredded', 'planned', '2034-01-19'],
    ]);
  });

  test('follow what was observed, once it was', () => {
    const change = {
      stage: 'retention',
      deprovisioningBeganAt: at('2026-12-21'),
      removalBeganAt: at('2026-12-21'),
      deprovisionedAt: at('2026-12-22'),
      retentionEndsAt: at('2033-12-22'),
    } as const;
    expect(brief(change)).toEqual([
      ['grace', 'done', '2026-11-20'],
      ['deprovisioning', 'done', '2026-12-21'],
      ['retention', 'current', '2026-12-22'],
      ['key_deletion_pending', 'planned', '2033-12-22'],
      ['shredded', 'planned', '2034-01-21'],
    ]);
  });

  test('have no times while access is still being closed', () => {
    const lines = stageLines(clock({ stage: 'closing', graceBeganAt: null, graceEndsAt: null }));
    expect(lines.map(({ state, beginsAt }) => [state, beginsAt])).toEqual(lines.map(() => ['planned', null]));
  });
});

test('a final snapshot’s name tells the practice and is one that RDS takes', () => {
  const name = finalSnapshotName('a--b-', '56ad44ac-0000-4000-8000-000000000000');
  expect(name).toBe('lumenality-a-b-final-56ad44ac');
  expect(name).toMatch(/^[a-z]([a-z0-9]|-(?!-))*[a-z0-9]$/);
});
