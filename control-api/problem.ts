import type { FastifyError } from 'fastify';
import {
  hasZodFastifySchemaValidationErrors,
  type ZodFastifySchemaValidationError,
} from 'fastify-type-provider-zod';
import { DomainError, type ErrorCode, type FieldError } from '../lib/domain/errors.ts';
import { type Problem, planFullSchema } from './contracts/common.ts';

type ProblemCode = ErrorCode | 'unsupported_media_type' | 'internal';

/** The one place where the core's errors meet HTTP (RFC 9110, RFC 9457). */
const meanings: Readonly<Record<ProblemCode, { readonly status: number; readonly title: string }>> = {
  invalid_input: { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'A valid token is needed' },
  forbidden: { status: 403, title: 'The token may not do this' },
  not_found: { status: 404, title: 'There is no such thing' },
  not_acceptable: { status: 406, title: 'The answer cannot be given in this form' },
  wrong_state: { status: 409, title: 'The current state does not allow this' },
  conflict: { status: 409, title: 'The request conflicts with what is there' },
  plan_full: { status: 409, title: 'The plan has no place free' },
  idempotency_in_progress: { status: 409, title: 'The same request is being worked on' },
  precondition_failed: { status: 412, title: 'It was changed meanwhile' },
  too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  idempotency_mismatch: { status: 422, title: 'The Idempotency-Key belongs to another request' },
  precondition_required: { status: 428, title: 'If-Match is needed' },
  rate_limited: { status: 429, title: 'Too many requests' },
  change_refused: { status: 409, title: 'The change was refused' },
  internal: { status: 500, title: 'The control plane failed' },
  configuration: { status: 500, title: 'The control plane is not configured for this' },
  cloud_failure: { status: 502, title: 'The cloud failed' },
  deployment_failed: { status: 502, title: 'The deployment failed' },
  verification_failed: { status: 502, title: 'The verification failed' },
  unavailable: { status: 503, title: 'Not available now' },
};

/** Fastify's own refusals ("Errors", fastify.dev), in the core's words. */
const fastifyRefusals: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_BAD_URL: ['invalid_input', 'The path cannot be decoded.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['too_large', 'The body is larger than this route takes.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'Send the body as application/json.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid_input', 'The body is empty: send JSON, or leave content-type out.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid_input', 'The body is not valid JSON.'],
};

/** At most this many wrong fields are named. */
const maximumFields = 30;

/** What an error looks like from outside. Anything unexpected shows nothing but the request's id. */
export function problemOf(error: unknown, requestId: string): Problem {
  if (error instanceof DomainError) {
    return {
      ...problem(error.code, error.publicMessage, requestId),
      ...(error.fields.length > 0 ? { errors: [...error.fields] } : {}),
      ...contextOf(error),
    };
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    // An id that cannot be one is the id of nothing.
    if (error.validationContext === 'params') {
      return problem('not_found', 'There is nothing of this id. List them to find the id.', requestId);
    }
    const root = error.validationContext === 'headers' ? '/headers' : '';
    const errors = error.validation.flatMap((issue) => fieldErrors(issue, root)).slice(0, maximumFields);
    return { ...problem('invalid_input', 'Correct the fields listed in errors.', requestId), errors };
  }
  const { code, statusCode } = (error ?? {}) as Partial<FastifyError>;
  const refusal = fastifyRefusals[code ?? ''];
  if (refusal !== undefined) return problem(refusal[0], refusal[1], requestId);
  if (statusCode === 400) return problem('invalid_input', 'The request cannot be read.', requestId);
  return problem(
    'internal',
    `Something unexpected happened. It is in the log under request ${requestId}.`,
    requestId,
  );
}

/** What an answer tells of an error beside its words. */
function contextOf({ code, context }: DomainError): Partial<Problem> {
  const { state } = context;
  if (code === 'wrong_state' && typeof state === 'string') return { state };
  if (code === 'plan_full') return planFullSchema.parse(context);
  return {};
}

function problem(code: ProblemCode, detail: string, requestId: string): Problem {
  const { status, title } = meanings[code];
  return {
    type: `urn:lumenality:problem:${code}`,
    title,
    status,
    detail,
    code,
    instance: `urn:lumenality:request:${requestId}`,
  };
}

function fieldErrors(issue: ZodFastifySchemaValidationError, root: string): FieldError[] {
  const parent = root + (issue.instancePath === '/' ? '' : issue.instancePath);
  const unknownKeys = issue.keyword === 'unrecognized_keys' ? issue.params['keys'] : undefined;
  if (Array.isArray(unknownKeys)) {
    // Unless the schema tells in its own words what it takes.
    const said = issue.message ?? 'Unrecognized key';
    const message = said.startsWith('Unrecognized key') ? 'is not a field of this request' : said;
    return unknownKeys.map((key) => ({ pointer: `${parent}/${pointerPart(String(key))}`, message }));
  }
  const isMissing = issue.keyword === 'invalid_type' && issue.message?.endsWith('received undefined');
  return [{ pointer: parent, message: isMissing ? 'is required' : (issue.message ?? 'is not valid') }];
}

/** RFC 6901, section 3; cut, because the name is the caller's. */
export function pointerPart(name: string): string {
  return name.slice(0, 60).replaceAll('~', '~0').replaceAll('/', '~1');
}
