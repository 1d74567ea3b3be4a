/** `npm run migrate`: brings the database up to date and says what it did. Safe to repeat, and from several machines at once. */
import { readConfig } from '../lib/config.ts';
import { bringUpToDate } from '../lib/db/database.ts';
import { runOnce } from './lifecycle.ts';
import { connectDatabase } from './open-database.ts';

await runOnce(async (stops) => {
  const database = await connectDatabase(readConfig());
  stops.push(() => database.close());
  const applied = await bringUpToDate(database);
  console.log(applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`);
});
