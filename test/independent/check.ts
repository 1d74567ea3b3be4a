import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkSubscriptions } from './check-subscriptions.ts';

const usage = `Usage: node --import tsx test/independent/check.ts --url URL --token-file FILE [--now TIME]

Recomputes every charge of every subscription of a control plane from what its API shows, by the terms (docs/plans.md) and not by its code,
and prints one JSON document. Status 0: everything is as the terms say; 1: something is not; 2: it could not be looked at.

  --now TIME   the time at the control plane, where it is not this machine's
  --help       this text`;

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}

async function main(): Promise<number> {
  const { url, 'token-file': tokenFile, now: asOf, help } = readOptions();
  if (help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const now = asOf === undefined ? new Date() : new Date(asOf);
  if (url === undefined || tokenFile === undefined || Number.isNaN(now.getTime())) throw new Error(usage);
  const result = await checkSubscriptions({ url, token: readFileSync(tokenFile, 'utf8').trim() }, now);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return result.ok ? 0 : 1;
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        url: { type: 'string' },
        'token-file': { type: 'string' },
        now: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : String(cause)}\n\n${usage}`, { cause });
  }
}
