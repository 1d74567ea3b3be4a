import './quiet-sdk.ts';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createDataPlane } from '../lib/sandbox/data-plane/index.ts';
import { startSandbox } from '../lib/sandbox/server.ts';

const usage = `Usage: npm run sandbox -- [options]

Starts the sandbox cloud: an AWS-compatible endpoint on this machine. docs/sandbox.md says what it emulates.

  --port N           port to listen on, 0 picks a free one (default 4566)
  --host ADDRESS     address to listen on (default 127.0.0.1)
  --data-dir DIR     where state and storage live (default .lumenality/sandbox)
  --no-data-plane    record databases and tasks without running them
  --latency PROFILE  aws: stacks take as long as on AWS; none (default): as long as they need
  --time-scale N     a fraction of AWS's time, for --latency aws (default 1; 0.01 makes 8 minutes 4.8 s)
  --help             this text`;

/** Exit codes of sysexits.h: usage error, and a service that could not start; a shell's for a second Ctrl-C. */
const badUsage = 64;
const unavailable = 69;
const interrupted = 130;

function fail(message: string, code: number): never {
  console.error(`sandbox: ${message}`);
  process.exit(code);
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '4566' },
        host: { type: 'string', default: '127.0.0.1' },
        'data-dir': { type: 'string', default: '.lumenality/sandbox' },
        'no-data-plane': { type: 'boolean', default: false },
        latency: { type: 'string', default: 'none' },
        'time-scale': { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    });
    const port = Number(values.port);
    if (!/^\d+$/.test(values.port) || port > 65_535) {
      fail(`--port must be a whole number from 0 to 65535, not "${values.port}".`, badUsage);
    }
    const timeScale = Number(values['time-scale']);
    if (values.latency !== 'aws' && values.latency !== 'none') {
      fail(`--latency must be aws or none, not "${values.latency}".`, badUsage);
    }
    if (!(timeScale > 0 && timeScale <= 1)) {
      fail(`--time-scale must be more than 0 and at most 1, not "${values['time-scale']}".`, badUsage);
    }
    return { ...values, port, latency: { profile: values.latency, timeScale } };
  } catch (error) {
    return fail(`${(error as Error).message}\n\n${usage}`, badUsage);
  }
}

const { port, host, 'data-dir': directory, 'no-data-plane': recordOnly, latency, help } = options();
if (help) {
  console.log(usage);
  process.exit(0);
}

// `.ts` under tsx, `.js` as tsc left it.
const databaseProcess = fileURLToPath(
  new URL(`../lib/sandbox/data-plane/database-process${extname(import.meta.url)}`, import.meta.url),
);
const sandbox = await startSandbox({
  port,
  host,
  directory,
  latency,
  dataPlane: recordOnly ? false : (parts) => createDataPlane({ ...parts, databaseProcess }),
  log: (line) => console.error(line),
}).catch((error: unknown) => fail((error as Error).message, unavailable));

console.log(`The sandbox cloud is ready at ${sandbox.endpoint}${recordOnly ? ' (recording only: no data plane)' : ''}

  export AWS_ENDPOINT_URL=${sandbox.endpoint}
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1

An access key id of twelve digits names its account; any other belongs to 000000000000. Ctrl-C stops the sandbox.`);
process.send?.({ ready: true, port: sandbox.port });

/** Under npm one Ctrl-C may arrive twice, from the terminal and from npm: only a later one is a second. */
const sameSignalMs = 1_000;
let askedAt: number | undefined;
const stop = () => {
  if (askedAt !== undefined) {
    if (Date.now() - askedAt > sameSignalMs) fail('interrupted before everything had stopped.', interrupted);
    return;
  }
  askedAt = Date.now();
  sandbox.stop().then(
    () => process.exit(0),
    (error: unknown) => fail(`could not stop in order: ${(error as Error).message}`, unavailable),
  );
};
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
