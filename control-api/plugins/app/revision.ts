import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DomainError } from '../../../lib/domain/errors.ts';

/** For a route's `schema.headers`: a change may be held to the revision that its author saw. */
export const revisionHeadersSchema = z.looseObject({
  'if-match': z.string().max(200).optional().describe('ETag of the revision that the change is meant for'),
});

export function setRevision(reply: FastifyReply, revision: number): void {
  reply.header('etag', `"${revision}"`);
}

/**
 * The revisions that If-Match allows; undefined when any is right (no header, or `*`). RFC 9110, section 13.1.1.
 * @throws DomainError `invalid_input` for a header that is no list of entity tags.
 */
export function revisionsOf(request: FastifyRequest): number[] | undefined {
  const header = request.headers['if-match'];
  if (header === undefined || header.trim() === '*') return undefined;
  const tags = header.split(',').map((tag) => /^"([^"]*)"$/.exec(tag.trim())?.[1]);
  if (tags.some((tag) => tag === undefined)) {
    const message = 'must be the ETag of an earlier answer, with its quotes';
    throw new DomainError('invalid_input', `The header If-Match ${message}.`, {
      fields: [{ pointer: '/headers/if-match', message }],
    });
  }
  return tags.map(Number);
}
