import type { FastifyInstance } from 'fastify';
import { DomainError } from '../../../lib/domain/errors.ts';
import { pointerPart } from '../../problem.ts';

/** Refuses text that the database cannot keep, wherever it stands in a request: with a NUL, or with half of a surrogate pair. */
export function refuseUnstorableText(app: FastifyInstance): void {
  app.addHook('preValidation', async ({ query, body }) => {
    const pointer = unstorable(query) ?? unstorable(body);
    if (pointer === undefined) return;
    throw new DomainError('invalid_input', 'The request has text that cannot be kept.', {
      fields: [{ pointer, message: 'must have no NUL and no half of a surrogate pair' }],
    });
  });
}

/** Where in a value of JSON the first such text is. In a list of its own: a value may be nested deeper than calls can be. */
function unstorable(whole: unknown): string | undefined {
  const left: Array<readonly [value: unknown, pointer: string]> = [[whole, '']];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [value, pointer] = next;
    if (typeof value === 'string') {
      if (/[\0\p{Cs}]/u.test(value)) return pointer;
      // Bytes are not text.
    } else if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value)) {
      for (const [name, inner] of Object.entries(value)) {
        // Cut, because how deep it is the caller says.
        const within = pointer.length > 200 ? pointer : `${pointer}/${pointerPart(name)}`;
        left.push([inner, within], [name, pointer]);
      }
    }
  }
  return undefined;
}
