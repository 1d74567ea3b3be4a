import type { MaintenanceWindow } from '../../lib/domain/maintenance-window.ts';
import { defaultPolicy, type RolloutPlan } from '../../lib/domain/rollout.ts';
import type { PlanInput, PlanPractice } from '../../lib/domain/rollout-input.ts';
import { planRollout } from '../../lib/domain/rollout-plan.ts';

/** A Friday. */
const now = new Date('2026-11-20T12:00:00Z');
const utc = (rule: string, durationMinutes = 240): MaintenanceWindow => ({
  rule,
  durationMinutes,
  timeZone: 'UTC',
});
const sundays = utc('FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0');
const wednesdays = utc('FREQ=WEEKLY;BYDAY=WE;BYHOUR=3;BYMINUTE=0');

const practice = (id: string, changed: Partial<PlanPractice> = {}): PlanPractice => ({
  id,
  state: 'active',
  cellId: 'main',
  ring: 'general',
  currentOrdinal: 1,
  window: sundays,
  pin: null,
  deferral: null,
  ...changed,
});

const input = (practices: readonly PlanPractice[], changed: Partial<PlanInput> = {}): PlanInput => ({
  now,
  release: { id: 'r-000000000002', ordinal: 2, kind: 'fix', deadline: null },
  practices,
  freezes: [],
  policy: defaultPolicy,
  horizonDays: 70,
  ...changed,
});

const securityBy = (deadline: string): Pick<PlanInput, 'release'> => ({
  release: { id: 'r-000000000002', ordinal: 2, kind: 'security', deadline: new Date(deadline) },
});

/** What a plan says, short enough to be read: `ring: practice start[ yielded]`, a wave a line. */
function read(plan: RolloutPlan): string[] {
  return plan.waves.map(
    ({ ring, targets }) =>
      `${ring}: ${targets
        .map(({ practiceId, startsAt, yielded }) =>
          [practiceId, startsAt.toISOString().slice(0, 16), ...yielded].join(' '),
        )
        .join(', ')}`,
  );
}

describe('an ordinary release', () => {
  test('reaches the rings one after the other, each when the one before was watched', () => {
    const plan = planRollout(
      input([
        practice('g', {}),
        practice('e', { ring: 'early' }),
        practice('c', { ring: 'canary', window: wednesdays }),
        practice('g-late-the-same-day', { window: utc('FREQ=WEEKLY;BYDAY=SU;BYHOUR=8;BYMINUTE=0') }),
      ]),
    );
    expect(read(plan)).toEqual([
      'canary: c 2026-11-25T03:00',
      'early: e 2026-11-29T02:00',
      // Half an hour of update, an hour of bake time and five minutes for its figures after `e`: still in the window of `g`.
      'general: g 2026-11-29T03:35, g-late-the-same-day 2026-11-29T08:00',
    ]);
    expect(plan).toMatchObject({ left: [], late: [] });
  });

  test('starts at once in a window that is open, and only while an update fits', () => {
    const open = input([practice('a')], { now: new Date('2026-11-22T05:29:30Z') });
    expect(planRollout(open).waves[0]?.targets[0]).toEqual({
      practiceId: 'a',
      startsAt: new Date('2026-11-22T05:30:00Z'),
      latestStartAt: new Date('2026-11-22T05:30:00Z'),
      yielded: [],
    });
    const tooLate = { ...open, now: new Date('2026-11-22T05:30:01Z') };
    expect(read(planRollout(tooLate))).toEqual(['general: a 2026-11-29T02:00']);
  });

  test('updates as many at a time in a cell as it may', () => {
    const four = ['a', 'b', 'c'].map((id) => practice(id));
    const policy = { ...defaultPolicy, concurrencyPerCell: 1 };
    const plan = planRollout(input([...four, practice('d', { cellId: 'west' })], { policy }));
    expect(read(plan)).toEqual([
      'general: a 2026-11-22T02:00, d 2026-11-22T02:00, b 2026-11-22T02:30, c 2026-11-22T03:00',
    ]);
  });

  test('waits for pins, deferrals and freezes', () => {
    const until = (time: string) => ({ until: new Date(time), reason: 'audit week' });
    const plan = planRollout(
      input(
        [
          practice('deferred', { deferral: until('2026-11-22T03:10:20Z') }),
          practice('frozen'),
          practice('pinned', { pin: { releaseId: 'r-000000000001', ...until('2026-11-23T00:00:00Z') } }),
          practice('pinned-to-it', {
            pin: { releaseId: 'r-000000000002', ...until('2026-12-23T00:00:00Z') },
          }),
        ],
        {
          freezes: [
            {
              id: 'f',
              practiceId: 'frozen',
              reason: 'x',
              from: new Date('2026-11-22T02:00:00Z'),
              until: new Date('2026-11-22T05:31:00Z'),
              renewedBySecurity: false,
            },
          ],
        },
      ),
    );
    expect(read(plan)).toEqual([
      'general: pinned-to-it 2026-11-22T02:00, deferred 2026-11-22T03:11, frozen 2026-11-29T02:00, pinned 2026-11-29T02:00',
    ]);
  });

  test('says of whom a pin keeps on a release that was halted since', () => {
    const pin = { releaseId: 'r-000000000001', until: new Date('2027-04-01T00:00:00Z'), reason: 'x' };
    const halted = new Map([[pin.releaseId, 'it leaks']]);
    const { left } = planRollout(input([practice('pinned', { pin })], { halted }));
    expect(left).toMatchObject([
      {
        reason: expect.stringContaining('a pin to r-000000000001 (a release that is HALTED: it leaks) until'),
      },
    ]);
  });

  test('leaves nobody out without a reason', () => {
    const plan = planRollout(
      input([
        practice('behind'),
        practice('has-it', { currentOrdinal: 2 }),
        practice('is-ahead', { currentOrdinal: 3 }),
        practice('is-suspended', { state: 'suspended' }),
        practice('short', { window: { ...sundays, durationMinutes: 29 } }),
        practice('pinned', {
          pin: { releaseId: 'r-000000000001', until: new Date('2027-04-01T00:00:00Z'), reason: 'x' },
        }),
      ]),
    );
    expect(read(plan)).toEqual(['general: behind 2026-11-22T02:00']);
    expect(plan.left).toEqual([
      { practiceId: 'has-it', reason: 'It runs this release already.' },
      { practiceId: 'is-ahead', reason: 'It runs a newer release.' },
      { practiceId: 'is-suspended', reason: 'It is suspended; only active practices are updated.' },
      {
        practiceId: 'pinned',
        reason:
          'All its windows before 2027-01-29T12:00:00.000Z are held by a pin to r-000000000001 until 2027-04-01T00:00:00.000Z.',
      },
      {
        practiceId: 'short',
        reason: 'Its window of 29 minutes is shorter than the 30 that an update is expected to take.',
      },
    ]);
  });

  test('does not wait weeks for one practice of a ring: it goes with a later one', () => {
    const deferral = { until: new Date('2026-12-20T00:00:00Z'), reason: 'move of the clinic' };
    const plan = planRollout(
      input([
        practice('c1', { ring: 'canary' }),
        practice('c2', { ring: 'canary', deferral }),
        practice('g'),
      ]),
    );
    expect(read(plan)).toEqual([
      'canary: c1 2026-11-22T02:00',
      'general: g 2026-11-22T03:35, c2 2026-12-20T02:00',
    ]);
  });

  test('splits a ring into waves where the policy says so', () => {
    const policy = { ...defaultPolicy, practicesPerWave: { general: 2 } };
    const plan = planRollout(
      input(
        ['a', 'b', 'c'].map((id) => practice(id)),
        { policy },
      ),
    );
    expect(read(plan)).toEqual([
      'general: a 2026-11-22T02:00, b 2026-11-22T02:00',
      'general: c 2026-11-22T03:35',
    ]);
  });
});

describe('a security release', () => {
  const deferral = { until: new Date('2026-12-10T00:00:00Z'), reason: 'holidays' };
  const freeze = {
    id: 'f',
    practiceId: null,
    reason: 'end of the year',
    from: now,
    until: new Date('2026-12-10T00:00:00Z'),
    renewedBySecurity: false,
  };

  test('respects what a practice asked for as long as that makes nobody late', () => {
    const plan = planRollout(input([practice('a', { deferral })], securityBy('2026-12-14T00:00:00Z')));
    expect(read(plan)).toEqual(['general: a 2026-12-13T02:00']);
  });

  test('comes before its deadline whatever holds the practice, and says what yielded', () => {
    const pin = { releaseId: 'r-000000000001', until: deferral.until, reason: 'x' };
    const plan = planRollout(
      input([practice('a', { deferral, pin }), practice('b')], {
        ...securityBy('2026-11-30T00:00:00Z'),
        freezes: [freeze],
      }),
    );
    expect(read(plan)).toEqual([
      'general: a 2026-11-22T02:00 pin deferral freeze, b 2026-11-22T02:00 freeze',
    ]);
    expect(plan.late).toEqual([]);
  });

  test('does not touch a freeze that a security administrator has renewed, and says loudly who is late', () => {
    const plan = planRollout(
      input([practice('a'), practice('b')], {
        ...securityBy('2026-11-30T00:00:00Z'),
        freezes: [{ ...freeze, practiceId: 'a', renewedBySecurity: true }],
      }),
    );
    expect(read(plan)).toEqual(['general: b 2026-11-22T02:00, a 2026-12-13T02:00']);
    expect(plan.late).toEqual([
      {
        practiceId: 'a',
        reason:
          'A freeze that a security administrator has renewed holds it in all its windows before the deadline.',
      },
    ]);
  });

  test('waits for no canary that would make others late, and lets its hold yield when it is the only one', () => {
    const canaries = [
      practice('c1', { ring: 'canary' }),
      practice('c2', { ring: 'canary', window: wednesdays }),
    ];
    const general = practice('g');
    const soon = securityBy('2026-11-25T12:00:00Z');
    expect(read(planRollout(input([...canaries, general], soon)))).toEqual([
      'canary: c1 2026-11-22T02:00',
      'general: g 2026-11-22T03:35, c2 2026-11-25T03:00',
    ]);
    const held = practice('c1', {
      ring: 'canary',
      deferral: { ...deferral, until: new Date('2026-11-23T00:00:00Z') },
    });
    expect(read(planRollout(input([held, general], securityBy('2026-11-29T03:00:00Z'))))).toEqual([
      'canary: c1 2026-11-22T02:00 deferral',
      'general: g 2026-11-22T03:35',
    ]);
  });

  test('keeps the rings apart once the deadline is missed anyway', () => {
    const plan = planRollout(
      input(
        [practice('c', { ring: 'canary' }), practice('g', { deferral })],
        securityBy('2026-11-20T00:00:00Z'),
      ),
    );
    expect(read(plan)).toEqual(['canary: c 2026-11-22T02:00', 'general: g 2026-11-22T03:35 deferral']);
    expect(plan.late.map(({ practiceId }) => practiceId)).toEqual(['c', 'g']);
  });
});
