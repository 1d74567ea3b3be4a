/** PostgreSQL, "Error Codes": unique_violation. */
const uniqueViolation = '23505';

/** Whether the database refused a row because of this unique index or constraint. */
export function violates(error: unknown, constraint: string): boolean {
  if (!(error instanceof Error)) return false;
  const { code, constraint: violated } = error as Error & { code?: unknown; constraint?: unknown };
  return code === uniqueViolation && violated === constraint;
}
