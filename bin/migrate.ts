/** `npm run migrate`: brings the database up to date and says what it did. Safe to repeat, and from several machines at once. */
import { readConfig } from '../lib/config.ts';
import { migrate } from '../lib/db/database.ts';
import { runOnce } from './lifecycle.ts';
import { connectDatabase } from './parts.ts';

await runOnce(async (stops) => {
  const database = await connectDatabase(readConfig());
  stops.push(() => database.close());
  const applied = await migrate(database.db);
  console.log(applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`);
});
