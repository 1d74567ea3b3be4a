import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Config } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { CommandError, commandError } from './commands/command-error.ts';
import type { ExitCode } from './commands/exit-codes.ts';
import { reportError, type World } from './commands/output.ts';

export interface DemoOptions {
  readonly exit: boolean;
  readonly json: boolean;
  readonly color: boolean;
  readonly help: boolean;
}

// The AWS SDK's notice for Node 20 would stand in the middle of what a demo shows; the control plane's log has it.
// oxlint-disable-next-line node/no-process-env -- the SDK reads this nowhere else.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

/** Columns of a demo's tables where no terminal says: its output is for people, also in a log. */
const columnsOfLog = '120';

export const world: World = {
  // oxlint-disable-next-line node/no-process-env -- an entry point hands the environment on to the commands it uses.
  env: process.stdout.isTTY ? process.env : { COLUMNS: columnsOfLog, ...process.env },
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  version: 'demo',
};

/** A demo makes and proves things that cost money on AWS and belong into an account of somebody's own. */
export function requireSandbox({ cloud }: Config): Extract<Config['cloud'], { kind: 'sandbox' }> {
  if (cloud.kind === 'sandbox') return cloud;
  throw commandError('usage', 'The demo runs in the sandbox cloud only: unset LUMENALITY_CLOUD.');
}

/**
 * Runs a demo to its exit status. The first Ctrl-C aborts its signal; it then stops what it started.
 * @param interrupted what to tell whoever interrupted it
 */
export async function runDemo(
  { usage, interrupted }: { readonly usage: string; readonly interrupted: string },
  demo: (options: DemoOptions, interrupt: AbortSignal) => Promise<ExitCode>,
): Promise<void> {
  let options: DemoOptions = {
    exit: false,
    json: process.argv.includes('--json'),
    color: true,
    help: false,
  };
  try {
    options = readOptions(usage);
    if (options.help) console.log(usage);
    else process.exitCode = await demo(options, interruption(interrupted));
  } catch (error) {
    const failure = asCommandError(error);
    reportError(failure, world, options);
    // At once: what the demo waited for when it was interrupted must not hold it up.
    process.exit(failure.exitCode);
  }
}

function readOptions(usage: string): DemoOptions {
  try {
    const { values } = parseArgs({
      allowNegative: true,
      options: {
        exit: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        color: { type: 'boolean', default: true },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (cause) {
    throw commandError('usage', (cause as Error).message, { hint: usage, cause });
  }
}

function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof DomainError) return commandError('usage', error.publicMessage, { cause: error });
  throw error;
}

/** Aborts, with what to tell, at the first Ctrl-C. */
function interruption(hint: string): AbortSignal {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Not `once`: without a listener, a second SIGINT (npm may send its own after the terminal's) and the library that
    // restores the cursor would each end the process before everything is stopped.
    process.on(signal, () =>
      interrupt.abort(commandError('interrupted', 'The demo was interrupted.', { hint })),
    );
  }
  return interrupt.signal;
}
