import { lookup as systemLookup } from 'node:dns';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { DomainError } from '../domain/errors.ts';
import type { HealthProbe, ProbeAnswer } from '../ports/health-probe.ts';

export interface ProbeSettings {
  /** `https` on AWS; the sandbox's load balancer speaks plain HTTP on loopback. */
  readonly scheme: 'http' | 'https';
  readonly port: number;
  readonly timeoutMs?: number;
}

const standardTimeoutMs = 5_000;
const maximumBytes = 64 * 1024;

/** Names under `.localhost` are loopback, whatever DNS says (RFC 6761, section 6.3); Node asks the system, which may not know. */
const lookup: LookupFunction = (hostName, options, callback) => {
  if (hostName === 'localhost' || hostName.endsWith('.localhost')) {
    if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
    else callback(null, '127.0.0.1', 4);
    return;
  }
  systemLookup(hostName, options, callback);
};

export function healthProbe(settings: ProbeSettings): HealthProbe {
  return {
    get: async (hostName, path, signal) => {
      const started = performance.now();
      signal?.throwIfAborted();
      // Not AbortSignal.any: on Node 20 each of those leaves a trace on `signal`, which lives as long as the process.
      const limit = new AbortController();
      const giveUp = (): void => limit.abort();
      const tooLate = setTimeout(giveUp, settings.timeoutMs ?? standardTimeoutMs);
      signal?.addEventListener('abort', giveUp, { once: true });
      try {
        const answer = await exchange(settings, hostName, path, limit.signal);
        return { ...answer, durationMs: Math.round(performance.now() - started) };
      } catch (error) {
        signal?.throwIfAborted();
        const why = limit.signal.aborted ? 'no answer in time' : (error as Error).message;
        throw new DomainError(
          'cloud_failure',
          `${settings.scheme}://${hostName}${path} does not answer: ${why}.`,
          { cause: error, retryable: true, context: { hostName, path } },
        );
      } finally {
        clearTimeout(tooLate);
        signal?.removeEventListener('abort', giveUp);
      }
    },
  };
}

/** A connection of its own for each request: a probe must not be answered over one that was opened before. */
function exchange(
  settings: ProbeSettings,
  hostName: string,
  path: string,
  signal: AbortSignal,
): Promise<Omit<ProbeAnswer, 'durationMs'>> {
  const options: RequestOptions = {
    hostname: hostName,
    port: settings.port,
    path,
    method: 'GET',
    agent: false,
    lookup,
    signal,
    headers: { accept: 'application/json', 'user-agent': 'lumenality-control-plane' },
  };
  return new Promise((resolve, reject) => {
    const send = settings.scheme === 'https' ? httpsRequest : httpRequest;
    const request = send(options, (response) => {
      const tls = settings.scheme === 'https' ? (response.socket as TLSSocket).getProtocol() : null;
      bodyOf(response).then((body) => resolve({ status: response.statusCode ?? 0, body, tls }), reject);
    });
    request.on('error', reject);
    request.end();
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximumBytes) throw new Error(`the answer is longer than ${maximumBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
