import pino, { type Logger } from 'pino';
import { readConfig } from './config.ts';
import { type RunningApp, startApp } from './start.ts';
import { EXIT, StartRefusal } from './start-refusal.ts';

/** How long a dependency may stay away at the start. */
const PATIENCE_MS = 60_000;
/** ECS sends SIGKILL 30 s after SIGTERM. */
const STOP_MS = 25_000;

function exit(logger: Logger, error: unknown): void {
  const refusal = error instanceof StartRefusal;
  // The line for people, and the same for the log group's queries.
  process.stderr.write(`${refusal ? error.message : `The app failed to start: ${String(error)}`}\n`);
  logger.fatal({ err: error }, 'start refused');
  process.exit(refusal ? error.exitCode : EXIT.software);
}

async function stop(logger: Logger, app: RunningApp, signal: string): Promise<void> {
  logger.info({ signal }, 'stopping');
  setTimeout(() => {
    logger.error('requests in flight did not finish in time');
    process.exit(1);
  }, STOP_MS).unref();
  await app.stop();
  logger.info('stopped');
  process.exit();
}

async function run(logger: Logger): Promise<void> {
  // A signal during the start ends it: nothing is half done that the next start would not finish.
  const interrupt = () => process.exit();
  process.once('SIGTERM', interrupt).once('SIGINT', interrupt);
  const config = readConfig(process.env);
  const log = logger.child({ practiceId: config.practiceId, releaseId: config.releaseId });
  const app = await startApp({ config, logger: log, patienceMs: PATIENCE_MS });
  process.off('SIGTERM', interrupt).off('SIGINT', interrupt);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop(log, app, signal).catch((error: unknown) => exit(log, error));
    });
  }
}

// Written at once: a line that waits in a buffer is lost, or out of order, when the process exits right after it.
const logger = pino(
  { redact: ['*.password', '*.SecretString', '*.authorization', 'req.headers'] },
  pino.destination({ dest: 1, sync: true }),
);
run(logger).catch((error: unknown) => exit(logger, error));
