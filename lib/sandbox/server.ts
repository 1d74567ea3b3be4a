import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { resolve } from 'node:path';
import { callerOf, defaultAccountId } from './access-keys.ts';
import { createCallCounts } from './call-counts.ts';
import { createClock } from './clock.ts';
import { cloudFormation } from './cloudformation/index.ts';
import { createConsistency } from './consistency.ts';
import { type ControlParts, serveControl } from './control.ts';
import { createFaults } from './faults.ts';
import { createFigures } from './figures.ts';
import { createLatency } from './latency.ts';
import { serveRoute } from './load-balancer.ts';
import {
  AwsError,
  type Call,
  type Cloud,
  type DataPlane,
  type ResourceHandler,
  type RouteFor,
  type ServiceEmulation,
  type State,
} from './model.ts';
import { createRates } from './rates.ts';
import { routeFor as routeThroughLoadBalancers } from './services/elbv2/routing.ts';
import { services as registeredServices, resourceHandlers } from './services/index.ts';
import { openState } from './state.ts';
import { sts } from './sts.ts';
import {
  type Ask,
  askOf,
  decodeInput,
  encodeError,
  encodeOutput,
  unknownOperation,
  type WireAnswer,
  type WireRequest,
} from './wire/index.ts';
import { type ServiceModel, serviceModel } from './wire/service-model.ts';

/** Makes the part that runs databases, tasks and the image registry; its child processes call `endpoint()`. */
type DataPlaneFactory = (parts: {
  readonly directory: string;
  readonly state: State;
  readonly endpoint: () => string;
}) => Promise<DataPlane>;

export interface SandboxOptions {
  /** 127.0.0.1 unless told. */
  readonly host?: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Where state and storage live. One sandbox at a time. */
  readonly directory: string;
  /** `false`: databases and tasks are recorded and described, not run. */
  readonly dataPlane: false | DataPlaneFactory;
  /** The machine's time, for tests that need another one. */
  readonly now?: () => Date;
  /** Resource types beside the registered ones, for tests; a type given here comes first. */
  readonly resourceHandlers?: readonly ResourceHandler[];
  /** Services beside the registered ones, for tests; a service given here comes first. */
  readonly services?: readonly ServiceEmulation[];
  readonly routeFor?: RouteFor;
  /** `{ profile: 'aws', timeScale: 0.01 }`: stacks take as long as on AWS, on this scale. No longer than they need unless told. */
  readonly latency?: { readonly profile: string; readonly timeScale: number };
  /** Told of defects: an operation that failed otherwise than AWS would. */
  readonly log?: (line: string) => void;
}

export interface Sandbox {
  readonly port: number;
  readonly endpoint: string;
  readonly cloud: Cloud;
  /** Ends requests, stack operations and child processes; recorded state stays. */
  stop(): Promise<void>;
}

/** The largest request body; ACM, Logs and CloudFormation stay well under it (1 MB each at most). */
const bodyLimit = 8 * 1024 * 1024;
const stopGrace = 2_000;

interface Service {
  readonly emulation: ServiceEmulation;
  readonly model: () => ServiceModel;
}

/**
 * Starts the sandbox cloud: one HTTP endpoint for all services, accounts and Regions.
 *
 * @throws Error with a message for people when the port is taken or the directory belongs to another sandbox.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const host = options.host ?? '127.0.0.1';
  const latency = createLatency();
  if (options.latency) latency.set(options.latency);
  const durable = openState(options.directory);
  const consistency = createConsistency();
  const state = consistency.over(durable);
  const machineTime = options.now ?? (() => new Date());
  const clock = createClock(state, machineTime);
  const faults = createFaults();
  const calls = createCallCounts();
  const services = new Map<string, Service>();

  let dataPlane: DataPlane | undefined;
  let port = options.port;
  const endpoint = () =>
    `http://${isWildcard(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
  const log = options.log ?? (() => undefined);
  const cloud: Cloud = {
    state,
    get dataPlane() {
      return dataPlane;
    },
    endpoint,
    now: () => clock.now(),
    figures: createFigures(() => clock.now()),
    machineTime,
    log,
    async invoke<O>(signingName: string, operation: string, input: object, call: Call): Promise<O> {
      const handler = services.get(signingName)?.emulation.operations[operation];
      if (!handler)
        throw new AwsError('InvalidAction', `The sandbox does not emulate ${signingName}:${operation}.`);
      return (await handler(input as never, { ...call, requestId: randomUUID() })) as O;
    },
  };

  const handlers = [...(options.resourceHandlers ?? []), ...resourceHandlers];
  const emulations = [
    ...(options.services ?? []),
    ...registeredServices,
    sts,
    cloudFormation(handlers, { faults, latency }),
  ];
  for (const emulation of emulations) {
    if (!services.has(emulation.signingName))
      services.set(emulation.signingName, { emulation, model: lazily(emulation) });
  }

  // Requests that arrive while the services take up their work wait for them.
  let open: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    open = resolve;
  });
  const control: ControlParts = {
    cloud,
    clock,
    consistency,
    faults,
    latency,
    rates: createRates(),
    calls,
    directory: resolve(options.directory),
    accounts: () =>
      state
        .table<true>('accounts')
        .entries()
        .map(([account]) => account),
  };
  const findRoute = options.routeFor ?? routeThroughLoadBalancers;
  const front = { services, control, routeFor: findRoute, state, log };
  const server = createServer((request, response) => {
    void ready
      .then(() => serve(front, request, response))
      .catch((error: unknown) => {
        front.log(`${request.method} ${request.url}: ${describe(error)}`);
        response.destroy();
      });
  });
  try {
    port = await listen(server, host, options.port);
    if (options.dataPlane)
      dataPlane = await options.dataPlane({ directory: options.directory, state, endpoint });
    for (const { emulation } of services.values()) await emulation.resume?.(cloud);
    open();
  } catch (error) {
    server.close();
    await dataPlane?.stop();
    await durable.close();
    throw error;
  }

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    server.closeIdleConnections();
    for (const { emulation } of services.values()) await emulation.stop?.(cloud);
    await dataPlane?.stop();
    const cutOff = setTimeout(() => server.closeAllConnections(), stopGrace);
    await closed;
    clearTimeout(cutOff);
    await durable.close();
  };
  return { port, endpoint: endpoint(), cloud, stop: () => (stopped ??= stop()) };
}

const isWildcard = (host: string) => host === '0.0.0.0' || host === '::';

const describe = (error: unknown) =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

function lazily(emulation: ServiceEmulation): () => ServiceModel {
  let model: ServiceModel | undefined;
  return () => (model ??= serviceModel(emulation.signingName, emulation.sdk));
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const text =
        error.code === 'EADDRINUSE'
          ? `Port ${port} on ${host} is in use. Stop what listens there, or choose another port.`
          : `The sandbox cannot listen on port ${port} of ${host} (${error.message}). Choose another address or port.`;
      reject(new Error(text, { cause: error }));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

interface Front {
  readonly services: ReadonlyMap<string, Service>;
  readonly control: ControlParts;
  readonly routeFor: RouteFor;
  readonly state: State;
  readonly log: (line: string) => void;
}

async function serve(front: Front, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://sandbox');
  const host = hostOf(request);
  if (host !== undefined && !isSigned(request)) {
    const route = front.routeFor(front.control.cloud, host, url.pathname, url.search.slice(1));
    if (route) return serveRoute(route, request, response, front.control.cloud.figures);
  }
  const body = await readBody(request);
  if (body === undefined) {
    response.writeHead(413, { 'content-type': 'text/plain', connection: 'close' });
    response.end(`The request is larger than ${bodyLimit} bytes.\n`);
    return;
  }
  if (url.pathname.startsWith('/_sandbox/'))
    return serveControl(front.control, request.method ?? '', url, body, response);
  const answer = await serveAws(front, {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body,
  });
  if (answer === 'cut') {
    response.destroy();
    return;
  }
  // The answer to a HEAD request says the length of a body that is not sent.
  response.writeHead(answer.status, { 'content-length': Buffer.byteLength(answer.body), ...answer.headers });
  response.end(answer.body);
}

/** A call of an AWS API, which goes to a service by whatever name the sandbox was reached; an app has its own tokens. */
function isSigned({ headers }: IncomingMessage): boolean {
  return headers.authorization?.startsWith('AWS4-') ?? false;
}

/** The Host header's name without the port; undefined when it is the sandbox's own address. */
function hostOf(request: IncomingMessage): string | undefined {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  return host === '' || host === 'localhost' || host.startsWith('[') || isIP(host) !== 0 ? undefined : host;
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function serveAws(front: Front, request: WireRequest): Promise<WireAnswer | 'cut'> {
  const requestId = randomUUID();
  const { cloud, faults, calls, rates, consistency } = front.control;
  let service: Service | undefined;
  let ask = askOf(request, undefined);
  try {
    const signed = callerOf(request, front.state, cloud.machineTime());
    service = signed ? front.services.get(signed.signingName) : unsignedService(front.services, ask);
    ask = askOf(request, service?.model());
    if (!service) throw noService(ask, signed?.signingName);
    const { emulation } = service;
    const model = service.model();
    const operation = model.operations.get(ask.operation);
    if (!operation) throw unknownOperation(ask);
    const handler = emulation.operations[ask.operation];
    if (!handler)
      throw unknownOperation(ask, `the sandbox does not emulate ${emulation.signingName}:${ask.operation}.`);
    const caller = signed?.caller ?? anonymous;
    calls.note(emulation.signingName, ask.operation, caller);
    rates.take(emulation.signingName, ask.operation, caller);
    const input = await decodeInput(request, ask, operation);
    const cut = await faults.onCall(emulation.signingName, ask.operation, () => input);
    if (cut === 'cut-before') return 'cut';
    noteAccount(front.state, caller.accountId);
    const output = await consistency.during(ask.operation, async () =>
      handler(input as never, { ...caller, requestId, cloud }),
    );
    const answer = encodeOutput(model, ask, operation, output, requestId);
    return cut ? 'cut' : answer;
  } catch (error) {
    if (error instanceof AwsError) return encodeError(ask.protocol, service?.model(), error, requestId);
    front.log(`${service?.emulation.signingName ?? '?'}:${ask.operation} ${requestId}: ${describe(error)}`);
    const failure = new AwsError('InternalFailure', `The sandbox failed: ${(error as Error).message}`, 500);
    return encodeError(ask.protocol, service?.model(), failure, requestId);
  }
}

/** Unsigned calls (AssumeRoleWithWebIdentity and the like): the default account, in the Region that AWS's global endpoints have. */
const anonymous = { accountId: defaultAccountId, region: 'us-east-1', principalArn: 'anonymous' };

function unsignedService(services: ReadonlyMap<string, Service>, ask: Ask): Service | undefined {
  if (ask.edition === '') return undefined;
  return [...services.values()].find(({ model }) =>
    ask.protocol === 'json' ? model().targetPrefix === ask.edition : model().version === ask.edition,
  );
}

function noService(ask: Ask, signingName: string | undefined): AwsError {
  if (signingName !== undefined)
    return unknownOperation(ask, `the sandbox does not emulate the service "${signingName}".`);
  if (ask.operation !== '')
    return new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
  return new AwsError(
    'MissingAuthenticationToken',
    'This is a sandbox of AWS service endpoints. The request is not a signed AWS request, and its Host header names no load balancer or DNS record here.',
    404,
  );
}

function noteAccount(state: State, accountId: string): void {
  const accounts = state.table<true>('accounts');
  if (!accounts.get(accountId)) accounts.put(accountId, true);
}
