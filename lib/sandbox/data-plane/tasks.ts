import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { AwsError, type ImageRegistry, type TaskPlane, type TaskSpec } from '../model.ts';
import { type Endpoint, freeEndpoint } from './loopback.ts';
import type { TaskCredentials } from './task-credentials.ts';

interface TaskOptions {
  readonly images: ImageRegistry;
  readonly credentials: TaskCredentials;
  /** PEM file of the sandbox's authority: what the RDS certificate bundle is in the real image. */
  readonly certificatePath: string;
  /** Where this sandbox answers. */
  readonly endpoint: () => string;
}

interface RunningTask {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  stopping: boolean;
}

/** A container ends with its host: the process notices when the sandbox has gone, even by `kill -9`. */
const END_WITH_PARENT =
  "data:text/javascript,process.on('disconnect',()=>process.kill(process.pid,'SIGKILL'));process.channel.unref()";

/** Runs containers as child processes of the Node that runs the sandbox. */
export class Tasks implements TaskPlane {
  readonly #options: TaskOptions;
  readonly #running = new Map<string, RunningTask>();
  #closed = false;

  constructor(options: TaskOptions) {
    this.#options = options;
  }

  async start(spec: TaskSpec): Promise<Endpoint> {
    if (this.#running.has(spec.arn)) throw new Error(`The task ${spec.arn} runs already.`);
    const image = this.#pull(spec.image);
    const endpoint = await freeEndpoint(spec.containerPort);
    if (this.#closed) throw new Error('The sandbox is stopping.');
    const grant = this.#options.credentials.grant(spec);
    // Little memory: a practice's container has half a gibibyte, and thirty of them share one machine here.
    const flags = ['--max-old-space-size=64', '--max-semi-space-size=1', '--import', END_WITH_PARENT];
    const child = spawn(process.execPath, [...flags, image.manifest.entrypoint], {
      cwd: image.folder,
      env: this.#environment(spec, endpoint, grant.environment),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const task: RunningTask = { child, stopping: false, ended: closed(child) };
    this.#running.set(spec.arn, task);
    child.once('close', (code: number | null, signal: string | null) => {
      grant.revoke();
      this.#running.delete(spec.arn);
      if (!task.stopping) spec.exited({ code, signal });
    });
    for (const output of [child.stdout, child.stderr]) forwardLines(output, spec);
    try {
      await once(child, 'spawn');
    } catch (error) {
      grant.revoke();
      this.#running.delete(spec.arn);
      throw error;
    }
    return endpoint;
  }

  async stop(arn: string, graceMs: number): Promise<void> {
    const task = this.#running.get(arn);
    if (task === undefined) return;
    task.stopping = true;
    task.child.kill('SIGTERM');
    const timer = setTimeout(() => task.child.kill('SIGKILL'), graceMs);
    try {
      await task.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  isRunning(arn: string): boolean {
    return this.#running.has(arn);
  }

  async stopAll(graceMs: number): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running.keys()].map((arn) => this.stop(arn, graceMs)));
  }

  #pull(uri: string): NonNullable<ReturnType<ImageRegistry['find']>> {
    const parts = /^(?:[^/@]*[.:][^/@]*\/)?([^@:]+)@(sha256:[0-9a-f]{64})$/.exec(uri);
    const image = parts && this.#options.images.find(parts[1] as string, parts[2] as string);
    if (!image) {
      throw new AwsError(
        'CannotPullContainerError',
        `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ${uri}: ${uri}: not found`,
      );
    }
    return image;
  }

  /** The image's, then the task definition's, then what the platform alone decides. Nothing of the sandbox's own. */
  #environment(
    spec: TaskSpec,
    endpoint: Endpoint,
    credentials: Readonly<Record<string, string>>,
  ): Record<string, string> {
    return {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      NODE_EXTRA_CA_CERTS: this.#options.certificatePath,
      ...spec.environment,
      AWS_REGION: spec.region,
      AWS_DEFAULT_REGION: spec.region,
      AWS_ENDPOINT_URL: this.#options.endpoint(),
      ...credentials,
      // A container of the awsvpc network mode listens on its task's own address; here that has to be said.
      HOST: endpoint.address,
      ...(endpoint.port === spec.containerPort ? {} : { PORT: String(endpoint.port) }),
    };
  }
}

function closed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve());
  });
}

function forwardLines(output: Readable | null, spec: TaskSpec): void {
  if (output)
    createInterface({ input: output, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) =>
      spec.log(line),
    );
}
