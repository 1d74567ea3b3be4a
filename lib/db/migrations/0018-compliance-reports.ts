import { type Kysely, sql } from 'kysely';

/**
 * What the checks of a release found and why it was accepted is kept with it, byte for byte: its hash stands in the manifest. Of releases
 * from before nobody has kept it.
 */
const statements = [
  `alter table release add column compliance text`,
  `create trigger release_report_immutable before update of compliance on release
    for each row execute function refuse_release_change()`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
