import { randomBytes } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { DomainError } from '../domain/errors.ts';
import type { WebhookMessage, Webhooks } from '../ports/notice-ports.ts';
import { isPublic, lookupPublic } from './public-addresses.ts';

/** For the whole exchange: a receiver takes a notice and works on it later (Standard Webhooks, "Deliverability and reliability"). */
const patienceMs = 10_000;

/** 410 Gone: the receiver will never take it (Standard Webhooks). */
const gone = 410;

interface WebhookRules {
  /** Whether receivers have to be reachable from everywhere. Otherwise any address is right, and plain HTTP on this machine. */
  readonly publicOnly: boolean;
}

/** Sends webhooks over HTTPS, without following redirects. The answer's body is not read. */
export function standardWebhooks(rules: WebhookRules): Webhooks {
  return {
    objectionTo: (url) => objectionTo(url, rules),
    newSecret: () => `whsec_${randomBytes(32).toString('base64')}`,
    post: async (message, signal) => {
      const objection = objectionTo(message.url, rules);
      if (objection !== undefined) throw new DomainError('unavailable', `The address ${objection}.`);
      const status = await send(message, rules, signal);
      if (status >= 200 && status < 300) return;
      const what = status >= 300 && status < 400 ? ', and redirects are not followed' : '';
      throw new DomainError('unavailable', `The receiver answered ${status}${what}.`, {
        retryable: status !== gone,
      });
    },
  };
}

function objectionTo(text: string, { publicOnly }: WebhookRules): string | undefined {
  if (!URL.canParse(text)) return 'is no URL';
  const { protocol, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '') return 'must not hold a user name or a password';
  if (hash !== '') return 'must not have a fragment';
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol === 'http:' && !publicOnly && isLoopback(host)) return undefined;
  if (protocol !== 'https:') return 'must begin with https://';
  // An address as such is not resolved, so it is looked at here.
  if (publicOnly && (isLoopback(host) || (isIP(host) !== 0 && !isPublic(host)))) {
    return 'must be one of the public Internet';
  }
  return undefined;
}

const isLoopback = (host: string): boolean =>
  /^(localhost|.*\.localhost|127(\.\d+){3}|::1)$/.test(host.replace(/\.$/, ''));

/** The status of the receiver's answer. */
function send(message: WebhookMessage, { publicOnly }: WebhookRules, stop?: AbortSignal): Promise<number> {
  const late = AbortSignal.timeout(patienceMs);
  const signal = stop === undefined ? late : AbortSignal.any([late, stop]);
  return new Promise((resolve, reject) => {
    const start = message.url.startsWith('https:') ? secureRequest : plainRequest;
    const request: ClientRequest = start(
      message.url,
      {
        method: 'POST',
        // A connection of its own: one that is kept may be to an address that was checked long ago.
        agent: false,
        signal,
        headers: { ...headersOf(message), connection: 'close' },
        ...(publicOnly ? { lookup: lookupPublic } : {}),
      },
      (response: IncomingMessage) => {
        resolve(response.statusCode ?? 0);
        response.destroy();
      },
    );
    request.on('error', (cause) => {
      const words = late.aborted ? `no answer within ${patienceMs / 1_000} s` : cause.message;
      reject(
        new DomainError('unavailable', `The receiver cannot be reached: ${words}.`, {
          cause,
          retryable: true,
        }),
      );
    });
    request.end(message.body);
  });
}

/** The time of the try is this machine's, because receivers compare it with theirs. */
function headersOf({ id, body, secrets }: WebhookMessage): Record<string, string> {
  const now = new Date();
  return {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'lumenality-notices',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, now, body)).join(' '),
  };
}
