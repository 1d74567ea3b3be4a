import { renewCalendar } from '../../lib/use-cases/practice-calendar.ts';
import {
  changeSchedule,
  deferPractice,
  pinPractice,
  readSchedule,
  readUpcomingWindows,
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
  pinRoutes(app, deps);
  deferralRoutes(app, deps);
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
    handler: async (request, reply) => {
      const schedule = await readSchedule(core, request.params.id);
      setRevision(reply, schedule.revision);
      return toSchedule(schedule);
    },
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
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const schedule = await changeSchedule(core, change, actorOf(request));
      setRevision(reply, schedule.revision);
      return toSchedule(schedule);
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

function pinRoutes(app: Routes, { core }: AppDeps): void {
  const url = '/v1/practices/:id/pin';
  app.route({
    method: 'PUT',
    url,
    schema: {
      ...changing,
      summary: 'Keep a practice on a release until a date',
      description: 'In place of an earlier pin. It yields to the deadline of a security release.',
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
      const change = { ...pin, until: new Date(until), practiceId: request.params.id };
      const revision = revisionsOf(request);
      const schedule = await pinPractice(core, { ...change, revision }, actorOf(request));
      setRevision(reply, schedule.revision);
      return toSchedule(schedule);
    },
  });

  app.route({
    method: 'DELETE',
    url,
    schema: { ...changing, summary: 'Take a pin back; without one nothing changes' },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, revision: revisionsOf(request) };
      const schedule = await unpinPractice(core, change, actorOf(request));
      setRevision(reply, schedule.revision);
      return toSchedule(schedule);
    },
  });
}

function deferralRoutes(app: Routes, { core }: AppDeps): void {
  const url = '/v1/practices/:id/deferral';
  app.route({
    method: 'PUT',
    url,
    schema: {
      ...changing,
      summary: 'Keep updates from a practice until a date',
      description: 'In place of an earlier deferral. It yields to the deadline of a security release.',
      body: deferralRequestSchema.meta({
        examples: [{ until: '2027-01-04T06:00:00Z', reason: 'The practice moves its offices' }],
      }),
    },
    handler: async (request, reply) => {
      const { until, reason } = request.body;
      const change = { practiceId: request.params.id, until: new Date(until), reason };
      const revision = revisionsOf(request);
      const schedule = await deferPractice(core, { ...change, revision }, actorOf(request));
      setRevision(reply, schedule.revision);
      return toSchedule(schedule);
    },
  });

  app.route({
    method: 'DELETE',
    url,
    schema: { ...changing, summary: 'Take a deferral back; without one nothing changes' },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, revision: revisionsOf(request) };
      const schedule = await undeferPractice(core, change, actorOf(request));
      setRevision(reply, schedule.revision);
      return toSchedule(schedule);
    },
  });
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
