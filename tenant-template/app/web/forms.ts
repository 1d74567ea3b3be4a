import { z } from 'zod';
import { roles } from '../access.ts';

const text = (longest: number) =>
  z.string().trim().min(1, 'must not be empty').max(longest, `must have at most ${longest} characters`);
/** The database takes no NUL, and what turns the direction of writing round makes one name look like another. */
const line = (longest: number) =>
  text(longest).regex(/^[^\p{Cc}\u202a-\u202e\u2066-\u2069]*$/u, 'must not hold control characters');

const EARLIEST_BIRTH = '1900-01-01';

export const idParams = z.object({ id: z.uuid('must be a UUID') });
export const pageQuery = z.object({ cursor: z.string().max(100).optional() });
export const notesQuery = z.object({
  before: z
    .string()
    .regex(/^\d{1,9}$/, "must be a note's number")
    .transform(Number)
    .optional(),
});
export const auditQuery = z.object({
  before: z
    .string()
    .regex(/^\d{1,18}$/, 'must be an event id')
    .optional(),
});

/** No trimming: a space at the end may be part of a password. */
const password = z.string().max(1000, 'must have at most 1000 characters');

export const signInForm = z.object({ email: line(254), password });
export const codeForm = z.object({ code: line(40) });
export const authenticatorForm = z.object({ current: password });
export const passwordForm = z.object({ current: password, password, repeated: password });
export const invitationForm = z.object({ token: line(100), name: line(100), password, repeated: password });

export const inviteForm = z.object({
  email: z.email('must be an e-mail address').max(254),
  role: z.enum(roles, 'must be one of the roles'),
});
export const roleForm = inviteForm.pick({ role: true });

export const clientForm = z.object({
  name: line(200),
  dateOfBirth: z.iso
    .date('must be a date, for example 2019-04-30')
    .refine((date) => date >= EARLIEST_BIRTH, `must not be before ${EARLIEST_BIRTH}`),
});
export const noteForm = z.object({
  text: text(20_000),
  /** A form sends the empty string for "none". */
  amends: z.union([z.literal('').transform(() => undefined), z.uuid('must be the id of a note')]).optional(),
});
