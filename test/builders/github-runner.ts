import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What GitHub's runner offers a job: ID tokens on request ("OpenID Connect reference", docs.github.com). */
export interface GithubRunner {
  readonly url: string;
  /** What the runner sets for a job that may ask. */
  readonly env: Readonly<Record<string, string>>;
  /** The audiences that were asked for, in order. */
  readonly asked: (string | null)[];
  close(): void;
}

export async function startGithubRunner(idToken: () => Promise<string>): Promise<GithubRunner> {
  const asked: (string | null)[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers.authorization !== 'Bearer runner-secret') {
      response.writeHead(401).end();
      return;
    }
    asked.push(new URL(request.url ?? '', 'http://runner').searchParams.get('audience'));
    response.end(JSON.stringify({ value: await idToken() }));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/token?api-version=2.0`;
  return {
    url,
    env: { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-secret' },
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
