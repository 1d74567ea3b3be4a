/** From then until then. Figures are of whole minutes: those at both ends count whole. Of more than a day they are of five minutes. */
export interface MetricSpan {
  readonly from: Date;
  readonly until: Date;
}

/** What a practice's load balancer measured of its app in a span. */
export interface SiloFigures {
  readonly requests: number;
  /** Answers with a status of 500 or more, of the app or, where it did not answer, of the load balancer in its place. */
  readonly errors: number;
  /** The 95th percentile of the app's response time, in milliseconds; null when nothing was asked. */
  readonly latencyMs: number | null;
}

/** How the app of a practice does, as CloudWatch shows it (`AWS/ApplicationELB`: "CloudWatch metrics for your Application Load Balancer"). */
export interface SiloMetrics {
  /** @throws DomainError `cloud_failure`; `retryable` when AWS had too much to do */
  figures(practiceId: string, span: MetricSpan, signal?: AbortSignal): Promise<SiloFigures>;
  /** Names of the alarms on the practice's app and database that are in the state ALARM, in order; those on backups and certificates are not among them. */
  alarms(practiceId: string, signal?: AbortSignal): Promise<string[]>;
}
