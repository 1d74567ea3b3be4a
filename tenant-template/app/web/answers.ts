import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ZodError } from 'zod';
import { FieldDamaged, KeyUnavailable } from '../field-encryption.ts';
import { Refusal, type RefusalKind } from '../refusal.ts';
import { isTransient } from '../transient.ts';
import { html } from './html.ts';
import { type Page, problemBox, sendPage } from './page.ts';

const STATUS: Readonly<Record<RefusalKind, number>> = {
  invalid: 400,
  'signed-out': 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  busy: 429,
};
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

/** What the asker learns of an error. What is not for them is in the log alone. */
interface Answer {
  readonly status: number;
  readonly detail?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

function statusOf({ kind }: Refusal): number {
  return STATUS[kind];
}

function answerTo(error: Error): Answer {
  if (error instanceof Refusal) {
    return {
      status: statusOf(error),
      detail: error.message,
      retryAfterSeconds: error.retryAfterSeconds,
    };
  }
  if (error instanceof ZodError) return { status: 400, detail: faultsOf(error) };
  if (error instanceof KeyUnavailable) {
    return {
      status: 503,
      detail: "The practice's key cannot be used, so its records cannot be read or written.",
    };
  }
  if (error instanceof FieldDamaged) {
    return { status: 500, detail: 'A stored value is not what this app wrote. It was not shown.' };
  }
  if (isTransient(error))
    return { status: 503, detail: 'The database does not answer. Try again in a moment.' };
  const status = (error as FastifyError).statusCode ?? 500;
  // Fastify's own refusals (a body too large, no JSON) say what is wrong with the request and nothing else.
  return status < 500 ? { status, detail: error.message } : { status };
}

function faultsOf(error: ZodError): string {
  return `${error.issues.map(({ path, message }) => `${path.join('.') || 'the request'}: ${message}`).join('; ')}.`;
}

export function answerError(error: Error, request: FastifyRequest, reply: FastifyReply) {
  const answer = answerTo(error);
  if (answer.status >= 500) request.log.error({ err: error }, 'request failed');
  if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', answer.retryAfterSeconds);
  if (answer.status === 401 && wantsPage(request)) return reply.redirect('/sign-in', 303);
  return sendProblem(request, reply, answer);
}

/** A refusal of what was typed shows the same form again, with the reason. */
export async function orAgain(
  reply: FastifyReply,
  page: (message: string) => Page,
  work: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds);
    return sendPage(reply, { ...page(error.message), status: statusOf(error) });
  }
}

/** A page for a browser, and problem+json (RFC 9457) for everybody else. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, { status, detail }: Answer) {
  const title = TITLES[status] ?? (status >= 500 ? 'Internal Server Error' : 'Bad Request');
  if (!wantsPage(request)) {
    return reply
      .code(status)
      .type('application/problem+json')
      .send({ type: 'about:blank', title, status, ...(detail && { detail }) });
  }
  return sendPage(reply, {
    title,
    status,
    member: request.member,
    body: html`${problemBox(detail ?? 'Something went wrong on our side. Try again in a moment.')}
<p><a href="/">Go to the start</a></p>`,
  });
}

function wantsPage(request: FastifyRequest): boolean {
  return request.headers.accept?.includes('text/html') ?? false;
}
