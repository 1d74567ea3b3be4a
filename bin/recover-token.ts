/** `npm run recover-token`: a new administrator token for whoever may use the database itself and has lost all others. */
import { readConfig } from '../lib/config.ts';
import { addAdministrator } from '../lib/use-cases/tokens.ts';
import { runOnce } from './lifecycle.ts';
import { openDatabase } from './open-database.ts';
import { systemClock } from './system-clock.ts';
import { tokenFile } from './token-file.ts';

await runOnce(async (stops) => {
  const config = readConfig();
  const database = await openDatabase(config);
  stops.push(() => database.close());
  const file = tokenFile(config);
  await addAdministrator({ db: database.db, clock: systemClock }, file.save);
  console.log(`A new administrator token is in ${file.path}. End the lost one with it:`);
  console.log('  npx lumenality token list');
  console.log('  npx lumenality token revoke <id>');
});
