/** Requests to targets whose target group speaks HTTPS. */
import type { ClientRequest } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';

/**
 * "The load balancer does not validate these certificates. Therefore, you can use self-signed certificates or
 * certificates that have expired" ("Target groups for your Application Load Balancers", Routing configuration): the
 * connection is encrypted, and who answers is decided by addresses and security groups. Targets are addresses, so no
 * server name is sent, whatever the Host header says.
 */
const unverified = { rejectUnauthorized: false, servername: '' } as const;

/** Keeps connections to targets: a handshake is for the first request of many. */
const keptConnections = new Agent({ keepAlive: true });

/** `http.request` over TLS, on a kept connection unless the options bring an agent of their own. */
export function requestOverTls(options: RequestOptions): ClientRequest {
  return request({ agent: keptConnections, ...options, ...unverified });
}
