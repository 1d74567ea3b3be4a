import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { main } from '../../bin/commands/program.ts';
import { eventually } from '../builders/runs.ts';
import type { Answer, CommandLine } from './run-cli.ts';

/** Without files: a token of this checkout must not be found by accident. */
const elsewhere = mkdtempSync(join(tmpdir(), 'lumenality-here-'));

interface Given {
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Whether somebody types `stdin` at a terminal, who can be asked. */
  readonly isTyped?: boolean;
}

/**
 * Starts a command line in this process, without a terminal unless told. A process of its own (run-cli.ts) takes half a second to start: enough if a
 * few tests do that.
 */
export function startHere(args: readonly string[], { env, stdin, isTyped = false }: Given): CommandLine {
  const said = { stdout: '', stderr: '' };
  const screen = (name: keyof typeof said) =>
    new Writable({
      decodeStrings: false,
      write: (text: string, _encoding, done) => {
        said[name] += text;
        done();
      },
    });
  const world = {
    env: { LUMENALITY_DATA_DIR: elsewhere, ...env },
    stdin: Object.assign(Readable.from(stdin === undefined ? [] : [stdin]), { isTTY: isTyped }),
    stdout: screen('stdout'),
    stderr: Object.assign(screen('stderr'), { isTTY: isTyped }),
    version: '0.1.0',
  };
  return {
    stdout: () => said.stdout,
    ended: main(args, world).then((code) => ({ code, ...said })),
    says: async (text) => {
      await eventually(`"${text}" on stdout`, () => (said.stdout.includes(text) ? true : undefined));
    },
  };
}

/** Runs one to its end. */
export const runHere = (args: readonly string[], given: Given): Promise<Answer> =>
  startHere(args, given).ended;
