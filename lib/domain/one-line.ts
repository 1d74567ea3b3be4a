import type { z } from 'zod';

/** Text of one line, without control characters or direction overrides: it stands in mails, lists and calendars. */
export const oneLine = (text: z.ZodString): z.ZodString =>
  text.regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'must be one line without control characters');
