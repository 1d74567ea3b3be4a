/** An HTTP answer, whatever its status. */
export interface ProbeAnswer {
  readonly status: number;
  readonly body: string;
  /** Protocol of the TLS session, for example `TLSv1.3`; null over plain HTTP (the sandbox's load balancer). */
  readonly tls: string | null;
  readonly durationMs: number;
}

/** Asks a practice's app, as the practice reaches it: by host name, through its load balancer. */
export interface HealthProbe {
  /** Throws `DomainError` `cloud_failure` (retryable) when no complete HTTP answer comes in bounded time and size. */
  get(hostName: string, path: string, signal?: AbortSignal): Promise<ProbeAnswer>;
}
