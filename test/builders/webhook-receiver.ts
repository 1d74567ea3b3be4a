import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface ReceivedWebhook {
  readonly id: string;
  readonly headers: Record<string, string>;
  /** As it came, byte for byte. */
  readonly body: string;
  readonly type: string;
}

/** Somebody's server that takes webhooks, on a port of its own. */
export interface WebhookReceiver {
  readonly url: string;
  readonly received: ReceivedWebhook[];
  /** What it answers with; or it cuts the connection, or says nothing. */
  status: number | 'cut' | 'silent';
  close(): Promise<void>;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const headers = request.headers as Record<string, string>;
      receiver.received.push({
        id: headers['webhook-id'] ?? '',
        headers,
        body,
        type: (JSON.parse(body) as { type: string }).type,
      });
      if (receiver.status === 'cut') request.socket.destroy();
      else if (receiver.status !== 'silent')
        response.writeHead(receiver.status, { location: '/elsewhere' }).end();
    });
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received: [],
    status: 204,
    close: () => new Promise((closed) => server.close(() => closed())),
  };
  return receiver;
}

/** Whether a receiver that has this secret would believe the webhook, by the library of Standard Webhooks. */
export function believes(secret: string, { body, headers }: ReceivedWebhook): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}
