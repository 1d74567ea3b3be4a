import type { Migration } from 'kysely/migration';
import * as signUpToSilo from './0001-sign-up-to-silo.ts';

/** Forward only, in the order of their numbers; a published migration never changes. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-sign-up-to-silo': signUpToSilo,
};
