import { z } from 'zod';
import {
  reportChurn,
  reportMargin,
  reportMembers,
  reportPlaces,
  reportRevenue,
} from '../../lib/use-cases/plan-reports.ts';
import {
  churnReportSchema,
  marginReportSchema,
  membersReportSchema,
  pagedReportQuerySchema,
  placesReportSchema,
  type ReportName,
  reportQuerySchema,
  revenueReportSchema,
} from '../contracts/plan-reports.ts';
import type { AppDeps } from '../deps.ts';
import {
  churnCsv,
  marginCsv,
  membersCsv,
  placesCsv,
  revenueCsv,
  toChurnReport,
  toMarginReport,
  toMembersReport,
  toPlacesReport,
  toRevenueReport,
} from '../serialise-plan-reports.ts';
import type { Routes } from './types.ts';

const tags = ['plans'];

/** How the plans do, as of a day. */
export function planReportRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/plan-reports/members',
    schema: {
      summary: 'Count members by plan, month of enrolment, and how they stand',
      tags,
      querystring: reportQuerySchema,
      response: answering(membersReportSchema),
    },
    handler: async ({ query }, reply) => {
      const report = toMembersReport(await reportMembers(core, query));
      return query.format === 'json' ? report : csv(reply, 'members', report.on).send(membersCsv(report));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/plan-reports/places',
    schema: {
      summary: 'Read how many places each plan has left, and how many sign-ups wait',
      tags,
      querystring: reportQuerySchema,
      response: answering(placesReportSchema),
    },
    handler: async ({ query }, reply) => {
      const report = toPlacesReport(await reportPlaces(core, query));
      return query.format === 'json' ? report : csv(reply, 'places', report.on).send(placesCsv(report));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/plan-reports/churn',
    schema: {
      summary: 'Read how many practices left, month by month',
      tags,
      querystring: reportQuerySchema,
      response: answering(churnReportSchema),
    },
    handler: async ({ query }, reply) => {
      const report = toChurnReport(await reportChurn(core, query));
      return query.format === 'json' ? report : csv(reply, 'churn', report.on).send(churnCsv(report));
    },
  });

  moneyRoutes(app, { core });
}

function moneyRoutes(app: Routes, { core }: Pick<AppDeps, 'core'>): void {
  app.route({
    method: 'GET',
    url: '/v1/plan-reports/revenue',
    schema: {
      summary:
        'Read monthly recurring revenue, now and in the 24 months to come, with what each practice pays',
      description:
        'What is assumed stands in notes. With how long each practice is free and its rate locked. The CSV has the practices.',
      tags,
      querystring: pagedReportQuerySchema,
      response: answering(revenueReportSchema),
    },
    handler: async ({ query }, reply) => {
      const isCsv = query.format === 'csv';
      const report = toRevenueReport(await reportRevenue(core, query, isCsv ? undefined : query));
      return isCsv ? csv(reply, 'revenue', report.on).send(revenueCsv(report)) : report;
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/plan-reports/margin',
    schema: {
      summary: "Read what is left of each practice's rate when its silo is paid for",
      description:
        'Costs are those of today, at list prices; for other currencies than USD, and where a cost is not known, there is no margin but a reason.',
      tags,
      querystring: pagedReportQuerySchema,
      response: answering(marginReportSchema),
    },
    handler: async ({ query }, reply) => {
      const isCsv = query.format === 'csv';
      const report = toMarginReport(await reportMargin(core, query, isCsv ? undefined : query));
      return isCsv ? csv(reply, 'margin', report.on).send(marginCsv(report)) : report;
    },
  });
}

const answering = <Report extends z.ZodType>(schema: Report) => ({
  200: {
    description: 'The report',
    content: { 'application/json': { schema }, 'text/csv': { schema: z.string() } },
  },
});

interface CsvReply<Reply> {
  type(mediaType: string): Reply;
  header(name: string, value: string): Reply;
}

/** RFC 4180, under a name to save it by. */
function csv<Reply extends CsvReply<Reply>>(reply: Reply, name: ReportName, on: string): Reply {
  return reply
    .type('text/csv; charset=utf-8; header=present')
    .header('content-disposition', `attachment; filename="plan-${name}-${on}.csv"`);
}
