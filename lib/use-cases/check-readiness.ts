import type { Core } from './core.ts';

/** Something that the control plane cannot work without. `check` rejects when it does not answer. */
export interface ReadinessCheck {
  /** Shown to anybody who asks: a word such as `queue`. */
  readonly part: string;
  check(): Promise<void>;
}

/** What works, and yet not as anybody would want it: said at the start, by /readyz and by `doctor`. */
export interface Warning {
  /** Shown to anybody who asks, as all of it: a word such as `mails`. */
  readonly part: string;
  readonly found: string;
  readonly advice: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly parts: readonly { readonly part: string; readonly ready: boolean; readonly cause?: unknown }[];
}

const patience = 3_000;

/** Asks the database and every injected part, each for at most three seconds. `cause` is for the log alone. */
export async function checkReadiness(core: Core, checks: readonly ReadinessCheck[]): Promise<Readiness> {
  const parts = await Promise.all([databaseCheck(core), ...checks].map(ask));
  return { ready: parts.every((part) => part.ready), parts };
}

/** Reads a table rather than a constant: a database that was never migrated is not ready. */
function databaseCheck(core: Core): ReadinessCheck {
  return {
    part: 'database',
    check: async () => {
      await core.db.selectFrom('plan').select('id').limit(1).execute();
    },
  };
}

async function ask(asked: ReadinessCheck): Promise<Readiness['parts'][number]> {
  const { part } = asked;
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${patience} ms`)), patience);
  });
  try {
    await Promise.race([asked.check(), silence]);
    return { part, ready: true };
  } catch (cause) {
    return { part, ready: false, cause };
  } finally {
    clearTimeout(timer);
  }
}
