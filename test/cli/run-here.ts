import { Readable, Writable } from 'node:stream';
import { main } from '../../bin/commands/program.ts';
import type { Answer } from './run-cli.ts';

/**
 * Runs a command line in this process, without a terminal. A process of its own (run-cli.ts) takes half a second to start: enough if a
 * few tests do that.
 */
export async function runHere(
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly stdin?: string },
): Promise<Answer> {
  const said = { stdout: '', stderr: '' };
  const screen = (name: keyof typeof said) =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        said[name] += chunk.toString('utf8');
        done();
      },
    });
  const code = await main(args, {
    env: options.env,
    stdin: Readable.from(options.stdin === undefined ? [] : [options.stdin]),
    stdout: screen('stdout'),
    stderr: screen('stderr'),
    version: '0.1.0',
  });
  return { code, ...said };
}
