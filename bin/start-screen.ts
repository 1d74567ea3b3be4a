import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DestinationStream, type Logger, pino } from 'pino';
import { createLogger } from '../control-api/logger.ts';
import type { Config } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';

/** What a process that is starting says: calm lines to a person at a terminal, log lines to everything else. */
export interface StartScreen {
  readonly log: Logger;
  say(message: string): void;
  /** Waits for a part to be there and says so. */
  part<T>(name: string, starting: Promise<T>, words: (started: T) => string): Promise<T>;
}

/**
 * On a terminal the log goes to `control-plane.log` in the data directory, and only what needs somebody's eyes is shown.
 * @throws DomainError `configuration` when that file cannot be written
 */
export function openStartScreen({ dataDirectory, logLevel, cloud, releaseDirectory }: Config): StartScreen {
  if (!process.stdout.isTTY) {
    const log = createLogger(logLevel);
    return { log, say: (message) => log.info(message), part: (_name, starting) => starting };
  }
  const file = join(dataDirectory, 'control-plane.log');
  const log = createLogger(logLevel, teed(file));
  const say = (message: string) => console.log(message);
  say(`Starting the control plane. Its data is in ${dataDirectory}, its log in ${file}.`);
  if (
    cloud.kind === 'sandbox' &&
    releaseDirectory === undefined &&
    !existsSync(join(dataDirectory, 'release'))
  ) {
    say(
      'The first start makes the database and builds a release of the silo: half a minute on a slow machine.',
    );
  }
  return {
    log,
    say,
    async part(name, starting, words) {
      const from = Date.now();
      const started = await starting;
      say(`  ${name.padEnd(10)}${words(started)} (${((Date.now() - from) / 1_000).toFixed(1)} s)`);
      return started;
    },
  };
}

/** pino's number for the level. */
const warning = 40;

/** Writes every line to the file, and those of level warn and above to the screen too. */
function teed(file: string): DestinationStream {
  const destination = openLog(file);
  return {
    write(line) {
      destination.write(line);
      const { level, time, msg, err } = JSON.parse(line) as LogLine;
      if (level < warning) return;
      console.error(
        `${time.slice(11, 19)}Z ${pino.levels.labels[level]}: ${[msg, err?.message].filter(Boolean).join(': ')}`,
      );
    },
  };
}

interface LogLine {
  readonly level: number;
  readonly time: string;
  readonly msg?: string;
  readonly err?: { readonly message: string };
}

function openLog(file: string): DestinationStream {
  try {
    mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
    return pino.destination({ dest: file, sync: true, mode: 0o600 });
  } catch (cause) {
    throw new DomainError(
      'configuration',
      `${file} cannot be written (${(cause as NodeJS.ErrnoException).code}). Set LUMENALITY_DATA_DIR to a directory that you may write to.`,
      { cause },
    );
  }
}
