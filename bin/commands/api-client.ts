import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { problemSchema } from '../../control-api/contracts/common.ts';
import { commandError, refusedError } from './command-error.ts';
import { unexplained } from './exit-codes.ts';

/** The largest page that the control plane gives (control-api/contracts/common.ts). */
const largestPage = 200;
const answerTimeoutMs = 30_000;

type Query = Readonly<Record<string, string | number | undefined>>;

export interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

export interface PageRequest {
  /** Rows at most; undefined for all of them. */
  readonly limit: number | undefined;
  readonly cursor?: string | undefined;
}

interface CallOptions {
  readonly query?: Query;
  readonly body?: unknown;
  /** Sent as `If-Match`: the change is refused when somebody else was faster. */
  readonly etag?: string | null;
  /** False for what the public may do: the token stays at home. */
  readonly authenticate?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Replaces the time limit of 30 s for the whole answer. */
  readonly signal?: AbortSignal;
}

/** A client of the control plane's HTTP API that checks each answer against the contract. */
export class ApiClient {
  readonly url: string;
  readonly #token: () => string;
  readonly #idempotencyKey: string | undefined;

  /**
   * @param token asked for at the first call that needs one; throws a `CommandError` when there is none
   * @param idempotencyKey for a POST that repeats an earlier one; each gets a key of its own otherwise
   */
  constructor(url: string, token: () => string, idempotencyKey?: string) {
    this.url = url;
    this.#token = token;
    this.#idempotencyKey = idempotencyKey;
  }

  async get<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    options: CallOptions = {},
  ): Promise<z.infer<Schema>> {
    return (await this.getTagged(path, schema, options)).body;
  }

  /** The body and its `ETag`, to make the change that follows conditional on it. */
  async getTagged<Schema extends z.ZodType>(path: string, schema: Schema, options: CallOptions = {}) {
    const response = await this.request('GET', path, options);
    return { body: await this.#read(response, schema), etag: response.headers.get('etag') };
  }

  async post<Schema extends z.ZodType>(path: string, schema: Schema, options: CallOptions) {
    return this.#read(await this.request('POST', path, options), schema);
  }

  async put<Schema extends z.ZodType>(path: string, schema: Schema, options: CallOptions) {
    return this.#read(await this.request('PUT', path, options), schema);
  }

  async delete(path: string): Promise<void> {
    await this.request('DELETE', path, {});
  }

  /** Takes something back of what stays: the answer is what that is now. */
  async takeBack<Schema extends z.ZodType>(path: string, schema: Schema) {
    return this.#read(await this.request('DELETE', path, {}), schema);
  }

  /** As many pages as it takes for `limit` rows, or all of them. */
  async list<Item>(
    path: string,
    schema: z.ZodType<Page<Item>>,
    { limit, cursor }: PageRequest,
    query: Query = {},
  ): Promise<Page<Item>> {
    const items: Item[] = [];
    let next: string | null = cursor ?? null;
    for (;;) {
      const size = limit === undefined ? largestPage : Math.min(largestPage, limit - items.length);
      const page: Page<Item> = await this.get(path, schema, {
        query: { ...query, limit: size, cursor: next ?? undefined },
      });
      items.push(...page.items);
      next = page.nextCursor;
      if (next === null || items.length === limit) break;
    }
    return { items, nextCursor: next };
  }

  /** The raw answer to a call that succeeded; any other is thrown as a `CommandError`. */
  async request(method: string, path: string, options: CallOptions): Promise<Response> {
    const headers = new Headers({ accept: 'application/json', ...options.headers });
    if (options.authenticate !== false) headers.set('authorization', `Bearer ${this.#token()}`);
    if (options.body !== undefined) headers.set('content-type', 'application/json');
    if (options.etag) headers.set('if-match', options.etag);
    const key = this.#idempotencyKey ?? randomUUID();
    if (method === 'POST') headers.set('idempotency-key', key);
    let response: Response;
    try {
      response = await fetch(this.#address(path, options.query), {
        method,
        headers,
        redirect: 'error',
        signal: options.signal ?? AbortSignal.timeout(answerTimeoutMs),
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      });
    } catch (cause) {
      throw this.#unreachable(cause, method === 'POST' ? key : undefined);
    }
    if (response.ok) return response;
    throw await this.#problem(response);
  }

  #address(path: string, query: Query = {}): URL {
    const address = new URL(`${this.url}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) address.searchParams.set(name, String(value));
    }
    return address;
  }

  async #read<Schema extends z.ZodType>(response: Response, schema: Schema): Promise<z.infer<Schema>> {
    const body: unknown = await response.json().catch(() => undefined);
    const checked = schema.safeParse(body);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      throw commandError(
        'unexpected_answer',
        `${this.url} answered something that this version does not understand` +
          ` (${issue?.path.join('.') || 'the whole answer'}: ${issue?.message}).`,
        { hint: 'See `npx lumenality doctor` for the versions of both sides.', cause: checked.error },
      );
    }
    return checked.data;
  }

  async #problem(response: Response) {
    const problem = problemSchema.safeParse(await response.json().catch(() => undefined));
    if (problem.success) return refusedError(problem.data);
    return refusedError({
      type: 'about:blank',
      title: response.statusText,
      status: response.status,
      code: unexplained,
      detail: `${this.url} answered ${response.status} without an explanation; is it the control plane?`,
    });
  }

  #unreachable(cause: unknown, key: string | undefined) {
    const { code, words } = networkFault(cause);
    // Only a connection that never came about is sure to have changed nothing.
    if (key === undefined || code === 'ECONNREFUSED' || code === 'ENOTFOUND') {
      return commandError('unreachable', `The control plane at ${this.url} does not answer (${words}).`, {
        hint: 'Start it with `npm start`, or name another with --url or LUMENALITY_URL.',
        cause,
      });
    }
    return commandError(
      'unreachable',
      `The connection to ${this.url} broke off (${words}); whether the request was carried out is not known.`,
      { hint: `Repeat it with --idempotency-key ${key}: it is not done twice.`, cause },
    );
  }
}

/** What the operating system said: fetch itself only says "fetch failed" and hides the reason below. */
export function networkFault(error: unknown): { readonly code: string; readonly words: string } {
  if (!(error instanceof Error)) return { code: '', words: String(error) };
  if (error.name === 'TimeoutError')
    return { code: '', words: `no answer within ${answerTimeoutMs / 1_000} s` };
  if (error instanceof AggregateError && error.errors.length > 0) return networkFault(error.errors[0]);
  if (error.cause instanceof Error) return networkFault(error.cause);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { code, words: error.message };
}
