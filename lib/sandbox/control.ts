import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { isAbsolute, join } from 'node:path';
import type { Faults } from './faults.ts';
import { recordImage } from './images.ts';
import { AwsError, type Cloud } from './model.ts';

export interface ControlParts {
  readonly cloud: Cloud;
  readonly faults: Faults;
  /** How often each operation was called over the wire, by `service:Operation`. */
  readonly calls: Map<string, number>;
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

function control(parts: ControlParts, method: string, url: URL, body: Buffer): unknown {
  const { faults } = parts;
  switch (`${method} ${url.pathname}`) {
    case 'GET /_sandbox/health':
      return {
        status: 'ok',
        pid: process.pid,
        port: Number(new URL(parts.cloud.endpoint()).port),
        directory: parts.directory,
        dataPlane: parts.cloud.dataPlane !== undefined,
        accounts: parts.accounts(),
      };
    case 'GET /_sandbox/calls':
      return { calls: Object.fromEntries([...parts.calls].sort(([a], [b]) => a.localeCompare(b))) };
    case 'PUT /_sandbox/images':
      return pushImage(parts.cloud, parseBody(body));
    case 'GET /_sandbox/faults':
      return { faults: faults.list() };
    case 'POST /_sandbox/faults':
      return faults.add(parseBody(body));
    case 'DELETE /_sandbox/faults':
      return removeFaults(faults, url.searchParams.get('id'));
    default:
      throw new AwsError(
        'NotFound',
        `The sandbox has no control ${method} ${url.pathname}. It has: GET /_sandbox/health, GET /_sandbox/calls, PUT /_sandbox/images, GET|POST|DELETE /_sandbox/faults.`,
        404,
      );
  }
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
function removeFaults(faults: Faults, id: string | null): undefined {
  if (id === null) faults.clear();
  else if (!faults.remove(id)) throw new AwsError('NotFound', `There is no fault rule ${id}.`, 404);
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
