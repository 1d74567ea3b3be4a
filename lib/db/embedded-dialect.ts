import type { PGlite, Transaction } from '@electric-sql/pglite';
import { type Dialect, PGliteDialect } from 'kysely';

/**
 * Kysely's dialect for PGlite, whose driver waits for ever when a transaction cannot begin (the database is closed or broken), and lets
 * the rejection end the process. Here such a transaction begins all the same, and its first statement says why.
 */
export function embeddedDialect(pglite: PGlite): Dialect {
  return new PGliteDialect({
    pglite: new Proxy(pglite, {
      get: (target, name) => {
        if (name === 'transaction') return beginning(target);
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    }),
  });
}

type Work<T> = (trx: Transaction) => Promise<T>;

function beginning(pglite: PGlite) {
  return async <T>(work: Work<T>): Promise<T> => {
    let begun = false;
    try {
      return await pglite.transaction((trx) => {
        begun = true;
        return work(trx);
      });
    } catch (error) {
      if (begun) throw error;
      const refuse = (): Promise<never> => Promise.reject(error);
      return work({ query: refuse } as unknown as Transaction);
    }
  };
}
