import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/** Where a database or a container listens. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

const ATTEMPTS = 20;

/**
 * An address of its own for a task or a database, as a network interface in a VPC gives one: `127.x.y.z` with the
 * port wanted. Linux answers on all of 127.0.0.0/8; where the system does not (macOS), or the port is taken on every
 * address, it is 127.0.0.1 and a free port.
 */
export async function freeEndpoint(port: number): Promise<Endpoint> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const address = `127.${randomInt(16, 250)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
    const outcome = await tryListen({ address, port });
    if (typeof outcome === 'object') return outcome;
    if (outcome !== 'EADDRINUSE') break;
  }
  const outcome = await tryListen({ address: '127.0.0.1', port: 0 });
  if (typeof outcome === 'object') return outcome;
  throw new Error(`The sandbox found no free port on 127.0.0.1 (${outcome}).`);
}

async function tryListen(endpoint: Endpoint): Promise<Endpoint | string> {
  const server = createServer();
  try {
    await listen(server, endpoint);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error';
  }
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  return { address: endpoint.address, port };
}

export function listen(server: Server, endpoint: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(endpoint.port, endpoint.address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
