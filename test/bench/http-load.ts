import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';

/** How many connections are kept open and busy. */
export const connections = 16;

/**
 * Sends each body as a JSON POST, over `connections` kept-alive connections, each of which sends its next request as
 * soon as it has its answer. Plain node:http: the load generator shares the machine with what it measures.
 * @returns seconds from the first request to the last answer.
 * @throws Error at the first answer that is not 201.
 */
export async function post(url: string, bodies: readonly Buffer[]): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const left = bodies.values();
  const connection = async (): Promise<void> => {
    for (const body of left) await postOne(url, agent, body);
  };
  const begun = performance.now();
  try {
    await Promise.all(Array.from({ length: connections }, connection));
    return (performance.now() - begun) / 1000;
  } finally {
    agent.destroy();
  }
}

function postOne(url: string, agent: Agent, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      'idempotency-key': randomUUID(),
    };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 201) return resolve();
        reject(
          new Error(
            `a sign-up was answered with ${response.statusCode}: ${Buffer.concat(chunks).toString('utf8')}`,
          ),
        );
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
