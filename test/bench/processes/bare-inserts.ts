/**
 * The database insert that a sign-up ends in, and nothing else: `[data directory or postgres:// URL] [rows] [runs]`.
 * Sends `{ seconds }` to its parent, one entry a run.
 */
import { randomUUID } from 'node:crypto';
import { type Database, migrate, openEmbedded, openServer, toJson } from '../../../lib/db/database.ts';
import { insertSignUp } from '../../../lib/db/sign-up-store.ts';
import { signUpRequest } from '../../builders/sign-up.ts';
import { connections } from '../http-load.ts';

const [place = '', rows = '0', runs = '0'] = process.argv.slice(2);
const database = place.startsWith('postgres') ? openServer(place) : await openEmbedded(place);
await migrate(database.db);
const seconds: number[] = [];
await insertAll(database, Math.ceil(Number(rows) / 4));
for (let run = 0; run < Number(runs); run += 1) seconds.push(await insertAll(database, Number(rows)));
await database.close();
process.send?.({ seconds });
process.disconnect?.();

/** As many at once as the HTTP benchmark has connections. */
async function insertAll({ db }: Database, count: number): Promise<number> {
  const left = Array.from({ length: count }, newRow).values();
  const writer = async (): Promise<void> => {
    for (const row of left) await db.transaction().execute((trx) => insertSignUp(trx, row));
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: connections }, writer));
  return (performance.now() - begun) / 1000;
}

function newRow() {
  const request = signUpRequest();
  const now = new Date();
  return {
    id: randomUUID(),
    state: 'requested' as const,
    legal_name: request.legalName,
    display_name: request.displayName,
    disciplines: toJson(request.disciplines),
    npi: request.npi,
    contact: toJson(request.contact),
    us_state: request.usState,
    time_zone: request.timeZone,
    clinician_count: request.clinicianCount,
    plan_id: request.plan,
    agreement: toJson(request.agreement),
    practice_id: null,
    decided_by: null,
    decided_at: null,
    decision_reason: null,
    revision: 1,
    created_at: now,
    updated_at: now,
  };
}
