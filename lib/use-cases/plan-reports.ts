import { byPracticeId, type Page, type PageRequest, pageByPractice } from '../db/page.ts';
import {
  countWaitingAt,
  listAnnouncements,
  listStateDecisions,
  listSubscriptionRecords,
  offeredVersions,
} from '../db/plan-report-store.ts';
import { planExists } from '../db/plan-store.ts';
import { DomainError } from '../domain/errors.ts';
import { addDays, type Day, dayIn, startOfDay } from '../domain/plan/day.ts';
import { type MarginRow, type MarginTotal, marginOf } from '../domain/plan/margin-report.ts';
import {
  type ChurnMonth,
  type Cohort,
  churnOf,
  cohortsOf,
  type Member,
  type MemberCounts,
  memberOn,
  type PlanPlaces,
  placesOf,
} from '../domain/plan/reports.ts';
import { type RevenueRow, type RevenueTotal, revenueOf } from '../domain/plan/revenue-report.ts';
import type { Core } from './core.ts';
import { findSiloCosts } from './read-cost.ts';
import { notFound } from './refusals.ts';

export type { RevenueRow };

/** As of which day, of each practice's calendar, and of which plan; today in UTC and all plans unless given. */
export interface ReportRequest {
  readonly on?: Day | undefined;
  readonly plan?: string | undefined;
}

/** What every report says of itself. */
export interface Report {
  readonly on: Day;
  readonly plan: string | null;
}

/** A report with a row for each practice. */
interface PagedReport<Row> extends Report {
  readonly rows: Page<Row>;
}

/**
 * Members by plan and month of enrolment, and how they stand.
 * @throws DomainError `invalid_input` for a day to come; `not_found` for a plan that there is not. So do all reports.
 */
export async function reportMembers(
  core: Core,
  request: ReportRequest,
): Promise<Report & { readonly cohorts: readonly Cohort[]; readonly total: MemberCounts }> {
  const report = await reportOf(core, request);
  return { ...report, ...cohortsOf(await membersOf(core, report), report.on) };
}

/** What is left of each plan, and who waits. */
export async function reportPlaces(
  core: Core,
  request: ReportRequest,
): Promise<Report & { readonly plans: readonly PlanPlaces[] }> {
  const report = await reportOf(core, request);
  const { on, plan } = report;
  // Who changes to a plan later holds its place already: members of all plans are looked at.
  const members = await membersOf(core, { on, plan: null });
  const plans = placesOf(
    await offeredVersions(core.db, on),
    members,
    await countWaitingAt(core.db, startOfDay('UTC', addDays(on, 1))),
  );
  return { ...report, plans: plans.filter(({ planId }) => plan === null || planId === plan) };
}

/** Monthly recurring revenue now and in the months to come, and how long each practice's price is free and locked. */
export async function reportRevenue(
  core: Core,
  request: ReportRequest,
  page: PageRequest | undefined,
): Promise<PagedReport<RevenueRow> & { readonly totals: readonly RevenueTotal[] }> {
  const report = await reportOf(core, request);
  const members = await membersOf(core, report);
  const { rows, totals } = revenueOf(members, await offeredVersions(core.db, report.on), report.on);
  return { ...report, totals, rows: pageOf(rows, page) };
}

/** What is left of each practice's rate when its silo is paid for. Costs are always those of today. */
export async function reportMargin(
  core: Core,
  request: ReportRequest,
  page: PageRequest | undefined,
): Promise<PagedReport<MarginRow> & { readonly total: MarginTotal }> {
  const report = await reportOf(core, request);
  const members = await membersOf(core, report);
  const { rows, total } = marginOf(members, await findSiloCosts(core), report.on);
  return { ...report, total, rows: pageOf(rows, page) };
}

/** How many left, month by month. */
export async function reportChurn(
  core: Core,
  request: ReportRequest,
): Promise<Report & { readonly months: readonly ChurnMonth[] }> {
  const report = await reportOf(core, request);
  return { ...report, months: churnOf(await membersOf(core, report), report.on) };
}

async function reportOf(core: Core, { on, plan }: ReportRequest): Promise<Report> {
  const today = dayIn('UTC', core.clock.now());
  if (on !== undefined && on > today) {
    throw new DomainError('invalid_input', `A report tells what was, up to today, ${today} (UTC).`, {
      fields: [{ pointer: '/on', message: `must not be after ${today}` }],
    });
  }
  if (plan !== undefined && !(await planExists(core.db, plan))) throw notFound('plan');
  return { on: on ?? today, plan: plan ?? null };
}

/** In the order of their practices' ids. */
async function membersOf(core: Core, { on, plan }: Report): Promise<Member[]> {
  const decisions = await listStateDecisions(core.db);
  const announcements = await listAnnouncements(core.db);
  const ends = new Map<string, Date>();
  const endIn = (timeZone: string): Date => {
    const end = ends.get(timeZone) ?? startOfDay(timeZone, addDays(on, 1));
    ends.set(timeZone, end);
    return end;
  };
  const members = (await listSubscriptionRecords(core.db)).flatMap((kept) => {
    const { practiceId } = kept;
    const record = {
      ...kept,
      decisions: decisions.get(practiceId) ?? [],
      announcements: announcements.get(practiceId) ?? [],
    };
    const member = memberOn(record, on, endIn(kept.timeZone));
    return member === null || (plan !== null && member.planId !== plan) ? [] : [member];
  });
  return members.sort(byPracticeId);
}

/** All rows without a page. */
function pageOf<Row extends { readonly practiceId: string }>(
  rows: readonly Row[],
  page: PageRequest | undefined,
): Page<Row> {
  return page === undefined ? { items: [...rows], nextCursor: null } : pageByPractice(rows, page);
}
