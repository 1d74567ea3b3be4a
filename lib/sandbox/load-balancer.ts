import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { Figures } from './figures.ts';
import type { LoadBalancerRoute } from './model.ts';
import { requestFigures } from './request-figures.ts';
import { requestOverTls } from './target-tls.ts';

/** Seconds, "Edit attributes for your Application Load Balancer". */
const defaultIdleSeconds = 60;

/** Headers that concern one connection only (RFC 9110, section 7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Carries out a load balancer's decision, its own answer or the target's, streamed both ways, and counts it. */
export function serveRoute(
  route: LoadBalancerRoute,
  request: IncomingMessage,
  response: ServerResponse,
  figures: Figures,
): void {
  const counts = requestFigures(route, figures);
  if (route.kind === 'answer') {
    counts.answeredItself(route.status);
    request.resume();
    response.writeHead(route.status, { ...route.headers, 'content-type': route.contentType });
    response.end(route.body);
    return;
  }
  const scheme = route.scheme ?? 'http';
  const refuse = (status: number, reason: string) => {
    if (response.headersSent || response.destroyed) return;
    counts.answeredItself(status);
    sendErrorPage(response, status, reason);
  };
  counts.chosen();
  const ask = route.protocol === 'https' ? requestOverTls : httpRequest;
  const upstream = ask({
    host: route.address,
    port: route.port,
    method: request.method,
    path: request.url,
    headers: {
      ...forwardedHeaders(request),
      'x-forwarded-for': [request.headers['x-forwarded-for'], request.socket.remoteAddress]
        .filter(Boolean)
        .join(', '),
      'x-forwarded-proto': scheme,
      'x-forwarded-port': scheme === 'https' ? '443' : '80',
    },
    timeout: (route.idleSeconds ?? defaultIdleSeconds) * 1000,
  });
  upstream.on('response', (answer) => {
    counts.answered(answer.statusCode ?? 502);
    const headers = Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name));
    response.writeHead(
      answer.statusCode ?? 502,
      Object.fromEntries(headers) as NodeJS.Dict<string | string[]>,
    );
    // A target that breaks off in mid-answer breaks off the client too: that is all HTTP can say by then.
    pipeline(answer, response, () => undefined);
  });
  upstream.on('timeout', () => {
    refuse(504, 'Gateway Time-out');
    upstream.destroy();
  });
  upstream.on('error', () => refuse(502, 'Bad Gateway'));
  response.on('close', () => upstream.destroy());
  request.pipe(upstream);
}

function forwardedHeaders(request: IncomingMessage): NodeJS.Dict<string | string[]> {
  return Object.fromEntries(Object.entries(request.headers).filter(([name]) => !hopByHop.has(name)));
}

/** The page that an Application Load Balancer itself sends for a target that fails. */
function sendErrorPage(response: ServerResponse, status: number, reason: string): void {
  const title = `${status} ${reason}`;
  response.writeHead(status, { 'content-type': 'text/html', server: 'awselb/2.0' });
  response.end(
    `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`,
  );
}
