/** One fact that a verification read from the cloud, kept as proof: what was expected, what was seen, when, and from where. */
export interface Evidence {
  /** The check's id, for example `key-rotation-enabled`. */
  readonly check: string;
  readonly title: string;
  /** Safeguards that it supports, for example `45 CFR 164.312(a)(2)(iv)` or `NIST SP 800-53r5 SC-28`. */
  readonly safeguards: readonly string[];
  readonly expected: string;
  readonly observed: string;
  readonly passed: boolean;
  /** RFC 3339, UTC. */
  readonly observedAt: string;
  /** The read behind it, for example `kms:DescribeKey`. */
  readonly source: string;
}
