import { DomainError } from '../../../lib/domain/errors.ts';
import { type PlanTerms, planTermsSchema } from '../../../lib/domain/plan/terms.ts';
import { checkVersion } from '../../../lib/domain/plan/version-check.ts';
import { foundingTerms, standardTerms } from '../../builders/plan-terms.ts';

function pointersOf(change: object): string[] {
  const { error } = planTermsSchema.safeParse({ ...foundingTerms, ...change });
  return (error?.issues ?? []).map(({ path }) => `/${path.join('/')}`);
}

describe('the terms of a plan', () => {
  it('take the defaults', () => {
    expect([foundingTerms, standardTerms].map((terms) => planTermsSchema.parse(terms))).toEqual([
      foundingTerms,
      standardTerms,
    ]);
  });

  it.each<[string, object, string]>([
    ['a negative price', { rates: { base: -1, perClinician: 0, perLocation: 0 } }, '/rates/base'],
    ['a part of a cent', { rates: { base: 0.5, perClinician: 0, perLocation: 0 } }, '/rates/base'],
    ['an unknown currency', { currency: 'XYZ' }, '/currency'],
    ['a currency without cents', { currency: 'JPY' }, '/currency'],
    ['an unknown interval', { interval: 'week' }, '/interval'],
    ['a lock of half a month', { lock: { months: 0.5, from: 'activation' } }, '/lock/months'],
    [
      'an end before the beginning',
      { enrolment: { from: '2027-02-01', until: '2027-01-31' } },
      '/enrolment/until',
    ],
    ['a day that is none', { enrolment: { from: '2027-02-29', until: null } }, '/enrolment/from'],
    ['no discipline', { disciplines: [] }, '/disciplines'],
    ['a discipline twice', { disciplines: ['aba', 'aba'] }, '/disciplines'],
    ['a cap of none', { cap: 0 }, '/cap'],
    ['a field that is none', { discount: 1 }, '/'],
  ])('refuse %s', (_, change, pointer) => {
    expect(pointersOf(change)).toEqual([pointer]);
  });
});

describe('a new version of a plan', () => {
  const plan = { id: 'founding', promise: { freeDays: 90, lockMonths: 24 }, members: 60 };
  const versions = [{ effectiveFrom: '2026-01-01', terms: foundingTerms }];
  const today = '2026-11-22';
  const check = (effectiveFrom: string, change: Partial<PlanTerms> = {}, before = versions): string[] => {
    try {
      checkVersion(plan, before, { effectiveFrom, terms: { ...foundingTerms, ...change } }, today);
      return [];
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return error.fields.map(({ pointer }) => pointer);
    }
  };

  it('may take effect today, with another price and more than promised', () => {
    expect(check(today)).toEqual([]);
    const lock = { months: 36, from: 'first_charged_day' } as const;
    expect(check(today, { rates: standardTerms.rates, freeDays: 120, lock, cap: 60 })).toEqual([]);
    expect(check(today, { cap: null })).toEqual([]);
  });

  it.each<[string, string, Partial<PlanTerms>, string]>([
    ['a day that has passed', '2026-11-21', {}, '/effectiveFrom'],
    ['a shorter free period', today, { freeDays: 89 }, '/terms/freeDays'],
    ['a shorter lock', today, { lock: { months: 23, from: 'first_charged_day' } }, '/terms/lock/months'],
    [
      'a lock that the free days use up',
      today,
      { lock: { months: 24, from: 'activation' } },
      '/terms/lock/from',
    ],
    ['free days that a slow provisioning uses up', today, { freeFrom: 'approval' }, '/terms/freeFrom'],
    ['less places than members', today, { cap: 59 }, '/terms/cap'],
    ['another currency', today, { currency: 'CAD' }, '/terms/currency'],
    ['another interval', today, { interval: 'year' }, '/terms/interval'],
  ])('is refused for %s', (_, effectiveFrom, change, pointer) => {
    expect(check(effectiveFrom, change)).toEqual([pointer]);
  });

  it('may count from an earlier event where the plan promises nothing, and from a later one always', () => {
    const nothing = { ...plan, promise: { freeDays: 0, lockMonths: 0 } };
    const earlier = {
      ...foundingTerms,
      freeFrom: 'approval',
      lock: { months: 24, from: 'activation' },
    } as const;
    const of = (terms: PlanTerms) => ({ effectiveFrom: today, terms });
    expect(() => checkVersion(nothing, versions, of(earlier), today)).not.toThrow();
    const since = [{ effectiveFrom: '2026-01-01', terms: earlier }];
    expect(() => checkVersion(plan, since, of(foundingTerms), today)).not.toThrow();
  });

  it('is refused before or with the newest one, and all faults are told at once', () => {
    const two = [{ effectiveFrom: '2027-03-01', terms: foundingTerms }, ...versions];
    expect(check('2027-03-01', {}, two)).toEqual(['/effectiveFrom']);
    expect(check('2027-03-02', {}, two)).toEqual([]);
    expect(check('2026-11-21', { freeDays: 0, cap: 1 }, two)).toEqual([
      '/effectiveFrom',
      '/terms/freeDays',
      '/terms/cap',
    ]);
  });
});
