import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { issueAccessKey } from '../access-keys.ts';
import type { State } from '../model.ts';
import { listen } from './loopback.ts';

interface Role {
  readonly accountId: string;
  readonly region: string;
  readonly taskRoleArn: string;
}

/**
 * What the container agent is for a task ("Task IAM role"): an address on loopback that hands out temporary keys of the
 * task's role to whoever shows the task's own token.
 */
export class TaskCredentials {
  readonly #state: State;
  readonly #server: Server;
  readonly #roles = new Map<string, Role>();

  private constructor(state: State) {
    this.#state = state;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async open(state: State): Promise<TaskCredentials> {
    const credentials = new TaskCredentials(state);
    await listen(credentials.#server, { address: '127.0.0.1', port: 0 });
    return credentials;
  }

  /** The environment that the AWS SDKs read, and how to take the right back when the task has ended. */
  grant(role: Role): { readonly environment: Record<string, string>; revoke(): void } {
    const token = randomBytes(32).toString('base64url');
    this.#roles.set(token, role);
    const { port } = this.#server.address() as { port: number };
    return {
      environment: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/v2/credentials`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
      },
      revoke: () => this.#roles.delete(token),
    };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const role = this.#roles.get(request.headers.authorization ?? '');
    response.setHeader('content-type', 'application/json');
    if (request.method !== 'GET' || request.url !== '/v2/credentials' || role === undefined) {
      response.statusCode = 401;
      response.end(
        JSON.stringify({ code: 'Unauthorized', message: 'This is not the token of a running task.' }),
      );
      return;
    }
    const { accountId, region, taskRoleArn } = role;
    const key = issueAccessKey(this.#state, {
      accountId,
      region,
      principalArn: taskRoleArn,
      lifetimeSeconds: LIFETIME_SECONDS,
    });
    response.end(JSON.stringify({ RoleArn: taskRoleArn, ...key }));
  }
}

const LIFETIME_SECONDS = 6 * 3600;
