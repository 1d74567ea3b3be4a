import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually } from '../builders/runs.ts';

/** What `npx lumenality` starts in a checkout. */
export const launcher = resolve(__dirname, '../../bin/lumenality.js');
/** The same in one file, by test/run-directory.cjs. */
const bundle = join(process.env['LUMENALITY_TEST_RUN_DIR'] as string, 'bin/lumenality.mjs');
/** Somewhere without a data directory: a token must not be found by accident. */
const elsewhere = mkdtempSync(join(tmpdir(), 'lumenality-cli-'));

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line under way. */
export interface CommandLine {
  readonly stdout: () => string;
  readonly ended: Promise<Answer>;
  /** Waits until stdout holds the text. */
  says(text: string): Promise<void>;
}

/** The same in a process of its own. */
export interface Running extends CommandLine {
  readonly child: ChildProcess;
}

/** Starts the command line as a person would, in a process of its own and without a terminal. */
export function startCli(
  args: readonly string[],
  options: {
    readonly env?: Record<string, string>;
    readonly stdin?: string;
    readonly program?: string;
  } = {},
): Running {
  const child = spawn(process.execPath, [options.program ?? bundle, ...args], {
    cwd: elsewhere,
    env: { PATH: process.env['PATH'], HOME: elsewhere, ...options.env },
    stdio: 'pipe',
  });
  child.stdin.end(options.stdin ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Answer>((settle, fail) => {
    child.once('error', fail);
    child.once('close', (code) => settle({ code, stdout, stderr }));
  });
  return {
    child,
    stdout: () => stdout,
    ended,
    says: async (text) => {
      await eventually(`"${text}" on stdout`, () => (stdout.includes(text) ? true : undefined));
    },
  };
}
