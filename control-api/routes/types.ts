import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';

/** The application as routes see it: requests are typed by the zod schemas that check them. */
export type Routes = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export const uuidParams = z.object({ id: z.uuid() });
export const slugParams = z.object({ id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,79}$/) });
