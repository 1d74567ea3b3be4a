import type { FastifyReply, FastifyRequest } from 'fastify';
import { renewCalendar } from '../../lib/use-cases/practice-calendar.ts';
import {
  changeSchedule,
  deferPractice,
  pinPractice,
  readSchedule,
  readUpcomingWindows,
  type ScheduleChangeRequest,
  type ScheduleOfPractice,
  undeferPractice,
  unpinPractice,
} from '../../lib/use-cases/schedules.ts';
import {
  calendarAddressSchema,
  deferralRequestSchema,
  pinRequestSchema,
  scheduleChangeSchema,
  scheduleSchema,
  upcomingWindowsSchema,
  windowQuerySchema,
} from '../contracts/schedules.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { toSchedule, toWindow } from '../serialise-schedules.ts';
import { type Routes, slugParams } from './types.ts';

const tags = ['schedules'];
const response = { 200: scheduleSchema };
const changing = { tags, params: slugParams, headers: revisionHeadersSchema, response };

/** When a practice may be updated. */
export function scheduleRoutes(app: Routes, deps: AppDeps): void {
  windowRoutes(app, deps);
  holdRoutes(app, deps);
  calendarRoute(app, deps);
}

function windowRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/practices/:id/schedule',
    schema: {
      summary: 'Read when a practice may be updated: window, ring, pin, deferral, freezes',
      tags,
      params: slugParams,
      response,
    },
    handler: async (request, reply) => shown(reply, await readSchedule(core, request.params.id)),
  });

  app.route({
    method: 'PUT',
    url: '/v1/practices/:id/schedule',
    schema: {
      ...changing,
      summary: 'Set the maintenance window and the ring of a practice',
      description:
        'The window gates the start: an update starts only if the time that it is expected to take still fits. In the hour that daylight saving skips the window opens when the clocks have gone on, in the hour that comes twice the first time.',
      body: scheduleChangeSchema.meta({
        examples: [
          {
            window: {
              rule: 'FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0',
              durationMinutes: 240,
              timeZone: 'America/Chicago',
            },
            ring: 'early',
            reason: 'Asked for by the practice',
          },
        ],
      }),
    },
    handler: async (request, reply) => {
      const change = { ...changeOf(request.params.id, request), ...request.body };
      return shown(reply, await changeSchedule(core, change, actorOf(request)));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/practices/:id/maintenance-windows',
    schema: {
      summary: 'List the next maintenance windows of a practice',
      tags,
      params: slugParams,
      querystring: windowQuerySchema,
      response: { 200: upcomingWindowsSchema },
    },
    handler: async (request) => {
      const practiceId = request.params.id;
      const { inWords, windows } = await readUpcomingWindows(core, practiceId, request.query.limit);
      return { practiceId, inWords, windows: windows.map(toWindow) };
    },
  });
}

function holdRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'PUT',
    url: '/v1/practices/:id/pin',
    schema: {
      ...changing,
      summary: 'Keep a practice on a release until a date',
      description:
        'In place of an earlier pin, for 180 days at most. It yields to the deadline of a security release.',
      body: pinRequestSchema.meta({
        examples: [
          {
            releaseId: 'r-0123456789ab',
            until: '2027-01-04T06:00:00Z',
            reason: 'Audit season: no changes for the practice',
          },
        ],
      }),
    },
    handler: async (request, reply) => {
      const { until, ...pin } = request.body;
      const change = { ...changeOf(request.params.id, request), ...pin, until: new Date(until) };
      return shown(reply, await pinPractice(core, change, actorOf(request)));
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/practices/:id/deferral',
    schema: {
      ...changing,
      summary: 'Keep updates from a practice until a date',
      description:
        'In place of an earlier deferral, for 60 days at most. It yields to the deadline of a security release.',
      body: deferralRequestSchema.meta({
        examples: [{ until: '2027-01-04T06:00:00Z', reason: 'The practice moves its offices' }],
      }),
    },
    handler: async (request, reply) => {
      const { until, reason } = request.body;
      const change = { ...changeOf(request.params.id, request), until: new Date(until), reason };
      return shown(reply, await deferPractice(core, change, actorOf(request)));
    },
  });

  for (const [what, takeBack] of [
    ['pin', unpinPractice],
    ['deferral', undeferPractice],
  ] as const) {
    app.route({
      method: 'DELETE',
      url: `/v1/practices/:id/${what}`,
      schema: { ...changing, summary: `Take a ${what} back; without one nothing changes` },
      handler: async (request, reply) =>
        shown(reply, await takeBack(core, changeOf(request.params.id, request), actorOf(request))),
    });
  }
}

function calendarRoute(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'POST',
    url: '/v1/practices/:id/calendar',
    schema: {
      summary: "Make the address of a practice's calendar feed, or a new one",
      description:
        'An older address stops at once. The answer is the only place that ever shows the new one; if it was lost, ask again.',
      tags,
      params: slugParams,
      response: { 201: calendarAddressSchema },
    },
    handler: async (request, reply) => {
      const practiceId = request.params.id;
      const { key } = await renewCalendar(core, practiceId, actorOf(request));
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ practiceId, path: `/v1/calendars/${key}.ics` });
    },
  });
}

/** Whose schedule is to change, held to the revisions that its author saw. */
function changeOf(practiceId: string, request: FastifyRequest): ScheduleChangeRequest {
  return { practiceId, revision: revisionsOf(request) };
}

function shown(reply: FastifyReply, schedule: ScheduleOfPractice) {
  setRevision(reply, schedule.revision);
  return toSchedule(schedule);
}
