import type { Database } from '../../lib/db/database.ts';
import { embeddedDialect } from '../../lib/db/embedded-dialect.ts';
import { resilient } from '../../lib/db/resilient.ts';

/** A second way into an embedded database, as a process of its own would have: it can be cut off as by `kill -9`. */
export interface MortalDatabase {
  readonly database: Database;
  /** From now on no statement gets through, and nobody is told. What was committed stays. */
  kill(): void;
  /** Lets what still waits fail, so that its timers can be stopped. */
  bury(): void;
}

export function mortal(living: Database): MortalDatabase {
  if (living.engine.kind !== 'embedded') throw new Error('only an embedded database can be shared like this');
  let bury = (): void => undefined;
  const buried = new Promise<void>((resolve) => {
    bury = resolve;
  });
  let dead = false;
  const gate = async (): Promise<void> => {
    if (!dead) return;
    await buried;
    throw new Error('the process is dead');
  };
  const pglite = new Proxy(living.engine.pglite, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (!['query', 'exec', 'transaction'].includes(String(name))) return value.bind(target);
      return async (...given: unknown[]) => {
        await gate();
        return value.apply(target, given);
      };
    },
  });
  return {
    database: {
      db: resilient(embeddedDialect(pglite)),
      engine: { kind: 'embedded', pglite },
      close: async () => undefined,
    },
    kill: () => {
      dead = true;
    },
    bury: () => bury(),
  };
}
