import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { isAbsolute, join } from 'node:path';
import { defaultAccountId } from './access-keys.ts';
import type { CallCounts } from './call-counts.ts';
import type { Clock } from './clock.ts';
import type { Consistency } from './consistency.ts';
import type { Faults } from './faults.ts';
import { recordImage } from './images.ts';
import type { Latency } from './latency.ts';
import { AwsError, type Caller, type Cloud } from './model.ts';
import { listQuotas, setQuota } from './quotas.ts';
import type { Rates } from './rates.ts';

export interface ControlParts {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly consistency: Consistency;
  readonly faults: Faults;
  readonly latency: Latency;
  readonly rates: Rates;
  readonly calls: CallCounts;
  readonly directory: string;
  readonly accounts: () => string[];
}

/** The sandbox's own controls, under `/_sandbox/`; AWS has nothing like them. JSON in, JSON out. */
export function serveControl(
  parts: ControlParts,
  method: string,
  url: URL,
  body: Buffer,
  response: ServerResponse,
): void {
  try {
    const answer = control(parts, method, url, body);
    send(response, answer === undefined ? 204 : 200, answer);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    send(response, error.status, { code: error.code, message: error.message });
  }
}

function send(response: ServerResponse, status: number, answer: unknown): void {
  response.writeHead(status, answer === undefined ? {} : { 'content-type': 'application/json' });
  response.end(answer === undefined ? undefined : `${JSON.stringify(answer)}\n`);
}

interface ControlRequest {
  readonly query: URLSearchParams;
  readonly body: () => Record<string, unknown>;
}

/** What each control does; nothing to answer is 204. */
const controls: Readonly<Record<string, (parts: ControlParts, request: ControlRequest) => unknown>> = {
  'GET health': (parts) => ({
    status: 'ok',
    pid: process.pid,
    port: Number(new URL(parts.cloud.endpoint()).port),
    directory: parts.directory,
    dataPlane: parts.cloud.dataPlane !== undefined,
    accounts: parts.accounts(),
  }),
  'GET calls': ({ calls }) => calls.describe(),
  'DELETE calls': ({ calls }) => calls.clear(),
  'PUT images': ({ cloud }, { body }) => pushImage(cloud, body()),
  'GET faults': ({ faults }) => ({ faults: faults.list() }),
  'POST faults': ({ faults }, { body }) => faults.add(body()),
  'DELETE faults': ({ faults }, { query }) => removeRules(faults, query.get('id')),
  'GET rates': ({ rates }) => ({ rates: rates.list() }),
  'PUT rates': ({ rates }, { body }) => rates.set(body()),
  'DELETE rates': ({ rates }, { query }) => removeRules(rates, query.get('id')),
  'GET quotas': ({ cloud }, { query }) => ({
    quotas: listQuotas(ownerOf(Object.fromEntries(query)), cloud.state),
  }),
  'PUT quotas': ({ cloud }, { body }) => setQuota(body(), ownerOf(body()), cloud.state),
  'GET consistency': ({ consistency }) => ({ rules: consistency.list() }),
  'POST consistency': ({ consistency }, { body }) => consistency.add(body()),
  'DELETE consistency': ({ consistency }, { query }) => removeRules(consistency, query.get('id')),
  'GET latency': ({ latency }) => latency.describe(),
  'PUT latency': ({ latency }, { body }) => {
    latency.set(body());
    return latency.describe();
  },
  'GET clock': ({ clock }) => timeOf(clock),
  'PUT clock': ({ clock }, { body }) => {
    clock.advance(body());
    return timeOf(clock);
  },
};

function control(parts: ControlParts, method: string, url: URL, body: Buffer): unknown {
  const name = `${method} ${url.pathname.slice('/_sandbox/'.length)}`;
  const run = Object.hasOwn(controls, name) ? controls[name] : undefined;
  if (run === undefined) {
    throw new AwsError(
      'NotFound',
      `The sandbox has no control ${method} ${url.pathname}. It has, under /_sandbox/: ${Object.keys(controls).join(', ')}.`,
      404,
    );
  }
  return run(parts, { query: url.searchParams, body: () => parseBody(body) });
}

const timeOf = (clock: Clock) => ({ now: clock.now().toISOString(), aheadSeconds: clock.aheadMs() / 1000 });

/** The account and Region that a control is about: those of a caller who names none, unless told. */
function ownerOf(given: Record<string, unknown>): Pick<Caller, 'accountId' | 'region'> {
  const { accountId = defaultAccountId, region = 'us-east-1' } = given;
  if (typeof accountId !== 'string' || !/^\d{12}$/.test(accountId))
    throw new AwsError('ValidationError', '"accountId" must be twelve digits.');
  if (typeof region !== 'string' || region === '')
    throw new AwsError('ValidationError', '"region" must be a Region such as us-east-1.');
  return { accountId, region };
}

function parseBody(body: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new AwsError('ValidationError', `The body is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null)
    throw new AwsError('ValidationError', 'The body must be a JSON object.');
  return value as Record<string, unknown>;
}

/** `?id=` removes one rule, without it all of them go. */
function removeRules(rules: Pick<Faults, 'remove' | 'clear'>, id: string | null): undefined {
  if (id === null) rules.clear();
  else if (!rules.remove(id)) throw new AwsError('NotFound', `There is no rule ${id}.`, 404);
}

/** Pushes the image in a folder on this machine: its `manifest.json` names the files, and its hash is the digest. */
function pushImage(cloud: Cloud, { repository, folder }: Record<string, unknown>): { digest: string } {
  if (typeof repository !== 'string' || !/^[a-z0-9]+([._/-][a-z0-9]+)*$/.test(repository)) {
    throw new AwsError(
      'ValidationError',
      '"repository" must be a repository name such as lumenality/practice-app.',
    );
  }
  if (typeof folder !== 'string' || !isAbsolute(folder)) {
    throw new AwsError(
      'ValidationError',
      '"folder" must be the absolute path of a folder with a manifest.json.',
    );
  }
  const file = join(folder, 'manifest.json');
  let manifest: Buffer;
  try {
    manifest = readFileSync(file);
  } catch (error) {
    throw new AwsError('ValidationError', `Cannot read ${file}: ${(error as Error).message}`);
  }
  const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
  const pushed = cloud.dataPlane?.images.push(repository, manifest, folder);
  if (pushed && pushed.digest !== digest)
    throw new Error(`The registry stored ${pushed.digest} for ${digest}.`);
  recordImage(cloud.state, { repository, digest });
  return { digest };
}
