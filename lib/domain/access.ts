/** What a token may do. Routes name the roles that may call them; there is no other authority. */
export const roles = ['viewer', 'operator', 'release_manager', 'plan_admin', 'security_admin', 'ci'] as const;
export type Role = (typeof roles)[number];

/** Who asks: a token, or the public for a sign-up, or the control plane itself. Recorded in every audit row. */
export interface Actor {
  /** `token:<id>`, `public` or `system`. */
  readonly id: string;
  /** The token's name, for people. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Correlates audit rows, log lines and the answer's `x-request-id`. */
  readonly requestId: string;
}

/** The control plane acting on its own: workers, reconcilers, first start. */
export const systemActor: Actor = { id: 'system', name: 'control plane', roles: [], requestId: 'system' };
