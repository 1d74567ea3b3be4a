import { type DatabaseConnection, type Dialect, type Driver, Kysely, type TransactionBuilder } from 'kysely';
import { againOnConflict, databaseFault } from './faults.ts';
import type { Schema } from './schema.ts';

/** Every fault of the database leaves as a `DomainError`, and a transaction that met a conflict is done again. */
export function resilient(dialect: Dialect): Kysely<Schema> {
  return new ResilientKysely({
    dialect: {
      createAdapter: () => dialect.createAdapter(),
      createIntrospector: (db) => dialect.createIntrospector(db),
      createQueryCompiler: () => dialect.createQueryCompiler(),
      createDriver: () => new FaultTellingDriver(dialect.createDriver()),
    },
  });
}

class ResilientKysely extends Kysely<Schema> {
  override transaction(): TransactionBuilder<Schema> {
    return retrying(super.transaction());
  }
}

type Builder = TransactionBuilder<Schema>;

/** The same builder, except that what it executes is executed again after a conflict. */
function retrying(builder: Builder): Builder {
  const execute: Builder['execute'] = builder.execute.bind(builder);
  const setIsolationLevel: Builder['setIsolationLevel'] = builder.setIsolationLevel.bind(builder);
  const setAccessMode: Builder['setAccessMode'] = builder.setAccessMode.bind(builder);
  builder.execute = (work) => againOnConflict(() => execute(work));
  builder.setIsolationLevel = (level) => retrying(setIsolationLevel(level));
  builder.setAccessMode = (mode) => retrying(setAccessMode(mode));
  return builder;
}

/** Kysely's own driver, with its errors told as `databaseFault` says. */
class FaultTellingDriver implements Driver {
  readonly #driver: Driver;
  readonly #telling = new WeakSet<DatabaseConnection>();

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  init(...given: Parameters<Driver['init']>): Promise<void> {
    return told(() => this.#driver.init(...given));
  }

  acquireConnection(...given: Parameters<Driver['acquireConnection']>): Promise<DatabaseConnection> {
    return told(async () => this.#tell(await this.#driver.acquireConnection(...given)));
  }

  beginTransaction(...given: Parameters<Driver['beginTransaction']>): Promise<void> {
    return told(() => this.#driver.beginTransaction(...given));
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return told(() => this.#driver.commitTransaction(connection));
  }

  /** A connection that is gone has rolled back by itself: the error that led here is the one to tell. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await this.#driver.rollbackTransaction(connection);
    } catch (error) {
      if (databaseFault(error) === undefined) throw error;
    }
  }

  releaseConnection(...given: Parameters<Driver['releaseConnection']>): Promise<void> {
    return this.#driver.releaseConnection(...given);
  }

  destroy(...given: Parameters<Driver['destroy']>): Promise<void> {
    return this.#driver.destroy(...given);
  }

  /** Changes the connection itself, because the driver knows its connections by identity. */
  #tell(connection: DatabaseConnection): DatabaseConnection {
    if (this.#telling.has(connection)) return connection;
    this.#telling.add(connection);
    const executeQuery: DatabaseConnection['executeQuery'] = connection.executeQuery.bind(connection);
    connection.executeQuery = (...given) => told(() => executeQuery(...given));
    return connection;
  }
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw databaseFault(error) ?? error;
  }
}
