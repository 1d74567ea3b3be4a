import type { Logger } from 'pino';
import type { TrustedKey } from '../lib/domain/release-signature.ts';
import type { ReadinessCheck, Warning } from '../lib/use-cases/check-readiness.ts';
import type { CiAccess } from '../lib/use-cases/ci-token.ts';
import type { Core } from '../lib/use-cases/core.ts';
import type { EndpointPorts } from '../lib/use-cases/notice-endpoints.ts';
import type { Clouds } from '../lib/use-cases/orphans.ts';
import type { PaymentEvents } from '../lib/use-cases/payment-events.ts';
import type { SiloOf } from '../lib/use-cases/preview-release.ts';

export interface Limits {
  /** Of one client address. */
  readonly signUpsPerMinute: number;
  /** Of one token, or of one client address without a token. */
  readonly requestsPerMinute: number;
  /** Of one client address: requests with a token that does not work. */
  readonly failedSignInsPerMinute: number;
  /** Event streams open at once in this process. */
  readonly eventStreams: number;
}

export const defaultLimits: Limits = {
  signUpsPerMinute: 20,
  requestsPerMinute: 6_000,
  failedSignInsPerMinute: 30,
  eventStreams: 500,
};

/** What the API is built from: nothing in it reads the environment or the clock by itself. */
export interface AppDeps {
  readonly core: Core;
  readonly log: Logger;
  /** Every cell's cloud, for what is asked of AWS at the time of a request. */
  readonly clouds: Clouds;
  /** The cell of a practice, for previews. */
  readonly siloOf: SiloOf;
  /** The public keys that may sign releases. */
  readonly releaseKeys: () => Promise<readonly TrustedKey[]>;
  /** What endpoints of webhooks are made with. */
  readonly notices: EndpointPorts;
  /** How events of the payment provider are read; absent where none are taken. */
  readonly payments?: PaymentEvents | undefined;
  /** Which pipelines may sign in; absent when none may. */
  readonly ci?: CiAccess | undefined;
  /** The control plane's own version, for /healthz and the OpenAPI document. */
  readonly version: string;
  /** Where people reach the practice of a host name. */
  readonly practiceUrl: (hostName: string) => string;
  /** What /readyz asks beside the database: the queue and the cloud. */
  readonly readiness: readonly ReadinessCheck[];
  /** What /readyz says beside that. */
  readonly warnings?: readonly Warning[];
  /** Aborts when the process was asked to stop: it is not ready any more, and event streams end so that their readers go elsewhere. */
  readonly stopping?: AbortSignal;
  readonly limits?: Partial<Limits>;
  /** How often an event stream asks for news, and how often a quiet one shows that it lives. Milliseconds. */
  readonly eventStream?: { readonly pollInterval: number; readonly heartbeatInterval: number };
  /** Set when a proxy of ours stands in front: which addresses may say X-Forwarded-For (Fastify's trustProxy). */
  readonly trustProxy?: string | boolean;
}
