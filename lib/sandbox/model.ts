/**
 * The contract between the parts of the sandbox cloud: the wire decodes a request into an operation's input,
 * an operation or a resource handler changes recorded state, and the data plane runs what that state asks for.
 *
 * Data travels one way: `server → wire → service operation → state → data plane`. CloudFormation is one more
 * service; its engine calls resource handlers, which do what the service's own operations do.
 */
import type { Figures } from './figures.ts';

/** Who calls and where, read from the request's credential scope (AWS Signature Version 4). */
export interface Caller {
  /** Twelve digits. An access key id of twelve digits names its account; other keys belong to the default account. */
  readonly accountId: string;
  readonly region: string;
  readonly principalArn: string;
}

/** One call in flight: the caller and the cloud that it reaches. */
export interface Call extends Caller {
  readonly requestId: string;
  readonly cloud: Cloud;
}

/** An error in AWS's own words; the wire renders it in the protocol of the service. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;

  /** @param code AWS's error code, for example `NotFoundException`. @param status HTTP status, 400 unless told. */
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.status = status;
  }
}

/** A durable map of records. A write is on disk, and survives `kill -9` of the process, before it returns. */
export interface Table<T> {
  get(key: string): T | undefined;
  put(key: string, value: T): void;
  delete(key: string): void;
  /** All records, in key order, whose key starts with `prefix`. */
  list(prefix?: string): T[];
  entries(prefix?: string): Array<[key: string, value: T]>;
  /** What `entries` gives, one after the other as it is asked for, from behind the key `after`. */
  scan(prefix: string, after?: string): Iterable<[key: string, value: T]>;
  /** How many `list` would give. */
  count(prefix?: string): number;
}

export interface State {
  /** The same name gives the same table. Keys of AWS records start with `<account>/<region>/`. */
  table<T>(name: string): Table<T>;
  /** All writes inside happen or none does. No `await` inside. */
  transaction<R>(work: () => R): R;
}

/** `handler(input, call)`; the input and output shapes are the SDK's, without `$metadata`. */
export type Operation = (input: never, call: Call) => unknown;

/** One emulated AWS service. An operation that is not listed is answered as AWS answers an unknown one. */
export interface ServiceEmulation {
  /** The credential-scope name, for example `kms`, `rds`, `elasticloadbalancing`. */
  readonly signingName: string;
  /** The namespace import of its `@aws-sdk/client-*` package: the schemas come from there. */
  readonly sdk: Record<string, unknown>;
  readonly operations: Readonly<Record<string, Operation>>;
  /** Called once after the sandbox has started: brings back what its recorded state says is running. */
  resume?(cloud: Cloud): Promise<void>;
  /** Ends background work before the sandbox stops; recorded state stays as it is. */
  stop?(cloud: Cloud): Promise<void>;
}

export interface ResourceContext extends Call {
  readonly stackId: string;
  readonly stackName: string;
  readonly logicalId: string;
  /** Stack tags and the resource's own system tags (`aws:cloudformation:*`), to be put on what is taggable. */
  readonly stackTags: Readonly<Record<string, string>>;
  /**
   * The same for every attempt at this one creation, also after a restart of the sandbox in the middle.
   * A handler derives generated ids from it (`generatedId`), so a repeated create finds what the first one made.
   */
  readonly token: string;
  /**
   * Tells the engine the physical id as soon as the resource exists, before a wait for it to become stable. A creation
   * that fails or is cancelled after this is deleted by that id when the stack rolls back.
   */
  initiated?(physicalId: string): void;
  /** Stops a long wait (a service becoming stable) when the stack operation is cancelled or the sandbox stops. */
  readonly signal: AbortSignal;
}

/** `physicalId` is what `Ref` returns; `attributes` are what `Fn::GetAtt` returns, keyed by path (`Endpoint.Address`). */
export interface ResourceOutcome {
  readonly physicalId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

type Properties = Record<string, unknown>;

/**
 * What one CloudFormation resource type does. Properties arrive resolved and checked against the CloudFormation
 * resource specification (names, types, required ones, allowed values). The engine decides from the specification
 * whether a change updates or replaces; a replacement is `create` of the new one, then `delete` of the old.
 * A failure is an `AwsError`; its message becomes the resource's status reason.
 */
export interface ResourceHandler {
  readonly type: string;
  /** `recorded`: kept and described, without behaviour behind it; its creation event says so. */
  readonly fidelity: 'behaves' | 'recorded';
  create(properties: Properties, context: ResourceContext): ResourceOutcome | Promise<ResourceOutcome>;
  update(
    physicalId: string,
    properties: Properties,
    previous: Properties,
    context: ResourceContext,
  ): ResourceOutcome | Promise<ResourceOutcome>;
  /** Deleting what is already gone succeeds. */
  delete(physicalId: string, properties: Properties, context: ResourceContext): void | Promise<void>;
  /**
   * Whether a change of properties that replace `Conditionally` needs a new resource; without it they change in place.
   * `update` refuses what it cannot do.
   */
  readonly replaces?: (properties: Properties, previous: Properties) => boolean;
  /**
   * The resource as it is, for drift detection; undefined when it is gone. A property that is left out cannot be told,
   * one that is `undefined` is not there. `properties` is what the stack gave it, for values with more than one spelling.
   * Types without it are not checked for drift.
   */
  readonly read?: (
    physicalId: string,
    properties: Properties,
    context: ResourceContext,
  ) => Promise<Properties | undefined>;
}

/** A running database engine for one RDS instance. */
export interface DatabaseSpec {
  /** `arn:aws:rds:…:db:…`, the identity of the instance and of its storage. */
  readonly arn: string;
  readonly databaseName: string;
  readonly masterUsername: string;
  /** The current master password, asked for at each new session, so that a rotation takes effect. */
  masterPassword(): string;
  /** `rds.force_ssl`, asked for at each new session. */
  forceTls(): boolean;
  /**
   * Checks the IAM authentication tokens by which members of `rds_iam` sign in; asked for at each new session of one.
   * Undefined while the instance has no IAM database authentication: they then need passwords.
   */
  readonly tokenCheck?: () => ((token: string, username: string) => boolean) | undefined;
  /**
   * 32 bytes, unwrapped by the instance's KMS key at every engine start.
   * Throws `AwsError` when the key cannot be used; the engine then does not start.
   */
  storageKey(): Promise<Buffer>;
  /** The snapshot that a storage which does not exist yet begins as; without it, an empty cluster. */
  readonly restoreFrom?: string;
}

export interface DatabasePlane {
  /** Makes the storage if there is none and opens the TLS listener. The engine starts at the first session. */
  open(spec: DatabaseSpec): Promise<{ readonly address: string; readonly port: number }>;
  /** Ends sessions and the engine, closes the listener, keeps the storage. */
  close(arn: string): Promise<void>;
  /** `close`, then erases the storage. */
  erase(arn: string): Promise<void>;
  /** Ends the engine now (not the listener), so that its next start asks for the key again. */
  evict(arn: string): Promise<void>;
  /**
   * Copies the storage as it is at one moment, still encrypted: what was committed then is in it. Sessions go on.
   * A snapshot of this name that is there already is kept as it is.
   */
  snapshot(arn: string, snapshotArn: string): Promise<void>;
  eraseSnapshot(snapshotArn: string): Promise<void>;
}

/** One container of one ECS task. */
export interface TaskSpec {
  readonly arn: string;
  /** Repository and digest, `…/lumenality/practice-app@sha256:…`. */
  readonly image: string;
  /** The task definition's environment and resolved secrets, and nothing of the sandbox's own. */
  readonly environment: Readonly<Record<string, string>>;
  readonly containerPort: number;
  readonly accountId: string;
  readonly region: string;
  readonly taskRoleArn: string;
  log(line: string): void;
  /** Called once, when the process has ended by itself. */
  exited(exit: { readonly code: number | null; readonly signal: string | null }): void;
}

export interface TaskPlane {
  /** Throws `AwsError('CannotPullContainerError', …)` for an image that nobody pushed. */
  start(spec: TaskSpec): Promise<{ readonly address: string; readonly port: number }>;
  /** SIGTERM, and SIGKILL after `graceMs`. */
  stop(arn: string, graceMs: number): Promise<void>;
  isRunning(arn: string): boolean;
}

/** An image in the sandbox's registry: its manifest's SHA-256 is its digest, as in the OCI image specification. */
export interface ImageManifest {
  readonly mediaType: 'application/vnd.lumenality.sandbox.image.v1+json';
  /** What the container runs, relative to the image's folder. */
  readonly entrypoint: string;
  /** Path → `sha256:<hex>`, sorted by path. */
  readonly files: Readonly<Record<string, string>>;
}

export interface ImageRegistry {
  /** Copies the files that the manifest names, after checking each hash. Returns `sha256:<hex>` of the manifest's bytes. */
  push(repository: string, manifest: Uint8Array, folder: string): { readonly digest: string };
  /** The folder that holds an image, or undefined when nobody pushed it. */
  find(
    repository: string,
    digest: string,
  ): { readonly folder: string; readonly manifest: ImageManifest } | undefined;
}

export interface DataPlane {
  readonly databases: DatabasePlane;
  readonly tasks: TaskPlane;
  readonly images: ImageRegistry;
  /** Ends every child process; storage stays. */
  stop(): Promise<void>;
}

/** What a host name leads to: a healthy target, or the answer the load balancer itself gives. */
export type LoadBalancerRoute = {
  /** Whose figures the request counts in, as `app/<name>/<id>`; nobody's unless told. */
  readonly loadBalancer?: Pick<Caller, 'accountId' | 'region'> & { readonly name: string };
} & (
  | {
      readonly kind: 'target';
      readonly address: string;
      readonly port: number;
      /** The target's, as `targetgroup/<name>/<id>`. */
      readonly targetGroup?: string;
      /** What the target speaks, by its target group's protocol; `http` unless told. */
      readonly protocol?: 'http' | 'https';
      /** The listener's protocol, for X-Forwarded-Proto; `http` unless told. */
      readonly scheme?: 'http' | 'https';
      /** `idle_timeout.timeout_seconds` of the load balancer; 60 unless told. */
      readonly idleSeconds?: number;
    }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
      /** Further headers, for example the Location of a redirect. */
      readonly headers?: Readonly<Record<string, string>>;
    }
);

/**
 * Finds the route of a request by its Host header (without the port), its path and its query (without the `?`).
 * Undefined: nobody owns the name.
 */
export type RouteFor = (
  cloud: Cloud,
  host: string,
  path: string,
  query: string,
) => LoadBalancerRoute | undefined;

/** The emulated cloud as its parts see it. */
export interface Cloud {
  readonly state: State;
  /** Absent when the sandbox only records (`--no-data-plane`): databases and tasks are then described, not run. */
  readonly dataPlane: DataPlane | undefined;
  /** Where this sandbox answers, for the AWS_ENDPOINT_URL of the tasks that it runs. */
  readonly endpoint: () => string;
  /** The sandbox's time, which controls may have moved ahead of the machine's. */
  now(): Date;
  /** What is measured, in the sandbox's time. */
  readonly figures: Figures;
  /** The machine's time: what callers sign with, and what their keys last by. */
  machineTime(): Date;
  /** Tells the people who run the sandbox what no caller can be told. */
  log(line: string): void;
  /** Calls another service's operation in this process, as the same caller. */
  invoke<O>(signingName: string, operation: string, input: object, call: Call): Promise<O>;
}
