import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Practice } from '../control-api/contracts/practices.ts';
import { commandError } from './commands/command-error.ts';
import { addressOf } from './commands/find.ts';

/** An app that says nothing for so long does not answer, in milliseconds. */
const timeoutMs = 10_000;

/**
 * Asks a practice's app through its load balancer, by host name. `*.localhost` is this machine (RFC 6761, section 6.3),
 * whatever the system's resolver thinks of it.
 * @returns the answer, whatever its status, with its body still to be read
 * @throws CommandError `unreachable`
 */
export function requestApp(practice: Practice, path: string): Promise<IncomingMessage> {
  const address = new URL(path, addressOf(practice));
  const request = address.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: address.hostname.endsWith('.localhost') ? '127.0.0.1' : address.hostname,
        port: address.port,
        path: address.pathname,
        headers: { host: address.host },
        servername: address.hostname,
        timeout: timeoutMs,
      },
      resolve,
    );
    call.once('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)));
    call.once('error', (cause) =>
      reject(commandError('unreachable', `${address.href} does not answer: ${cause.message}.`, { cause })),
    );
    call.end();
  });
}
