import { z } from 'zod';
import { DomainError } from '../domain/errors.ts';

/**
 * A backup is text, one line after the other (bin/ compresses it with gzip):
 *
 *     #{"kind":"header", …}
 *     #{"kind":"table","table":"plan"}
 *     "(founding,\"Founding member\",…)"            a row: a JSON string of PostgreSQL's own text of it ("Composite Types")
 *     #{"kind":"end","rows":1234,"sha256":"…"}      of every byte before this line
 */
export const marker = '#';

const headerSchema = z.object({
  kind: z.literal('header'),
  format: z.literal('lumenality-control-plane'),
  formatVersion: z.literal(1),
  /** ISO 8601. */
  takenAt: z.iso.datetime(),
  /** Migrations that the database had, in order. */
  migrations: z.array(z.string()).min(1),
});
const tableSchema = z.object({ kind: z.literal('table'), table: z.string() });
const endSchema = z.object({
  kind: z.literal('end'),
  rows: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const markSchema = z.discriminatedUnion('kind', [headerSchema, tableSchema, endSchema]);

export type BackupHeader = z.infer<typeof headerSchema>;
export type BackupEnd = z.infer<typeof endSchema>;
export type BackupMark = z.infer<typeof markSchema>;

export function markLine(mark: BackupMark): string {
  return `${marker}${JSON.stringify(mark)}`;
}

/** @throws DomainError `configuration` when the line says nothing that a backup says. */
export function parseMark(line: string): BackupMark {
  if (!line.startsWith(marker)) throw damaged('its first line is no header');
  let said: unknown;
  try {
    said = JSON.parse(line.slice(marker.length));
  } catch {
    throw damaged('a line between two tables cannot be read');
  }
  const mark = markSchema.safeParse(said);
  if (mark.success) return mark.data;
  throw damaged('it has another format than this version writes');
}

export function damaged(what: string): DomainError {
  return new DomainError(
    'configuration',
    `This is not a whole backup of a control plane: ${what}. Nothing was restored from it; use another file.`,
  );
}
