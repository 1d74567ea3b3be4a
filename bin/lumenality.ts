import './quiet-sdk.ts';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { main } from './commands/program.ts';

/** package.json is beside bin/ in a checkout and above dist/ in an image. */
function ownVersion(): string {
  const built = import.meta.url.endsWith('.js');
  const file = new URL(built ? '../../package.json' : '../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2), {
  // oxlint-disable-next-line node/no-process-env -- the entry point hands the environment on to the commands.
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  version: ownVersion(),
});
