import { z } from 'zod';
import { readCalendar } from '../../lib/use-cases/practice-calendar.ts';
import { calendarMaxAge, calendarTag, isKnownTag, toICalendar } from '../calendar.ts';
import type { AppDeps } from '../deps.ts';
import type { Routes } from './types.ts';

/** Calendar programs bring no token: whoever knows the address may read the feed. */
export function calendarRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/calendars/:key.ics',
    schema: {
      summary: "A practice's maintenance windows of the coming 90 days, as iCalendar",
      description: 'The address is the secret. It is 404 for any other, and for one that was renewed.',
      tags: ['schedules'],
      params: z.object({ key: z.string().max(200) }),
      response: {
        200: { content: { 'text/calendar': { schema: z.string() } } },
        304: z.null().describe('As it was when If-None-Match was answered'),
      },
    },
    handler: async (request, reply) => {
      const calendar = await readCalendar(core, request.params.key);
      const tag = calendarTag(calendar);
      reply.header('etag', tag).header('cache-control', `private, max-age=${calendarMaxAge}`);
      if (isKnownTag(request.headers['if-none-match'], tag)) return reply.code(304).send(null);
      return reply
        .type('text/calendar; charset=utf-8')
        .serializer((body: unknown) => String(body))
        .send(toICalendar(calendar, core.clock.now()));
    },
  });
}
