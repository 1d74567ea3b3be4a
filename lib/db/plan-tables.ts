import type { ColumnType, Generated } from 'kysely';
import type { PlanTerms } from '../domain/plan/terms.ts';
import type { PlanPromise } from '../domain/plan/version-check.ts';

export interface PlanTable {
  id: string;
  name: string;
  description: string;
  /** What no version falls short of: a trigger refuses to change it. */
  promise: ColumnType<PlanPromise, string, never>;
  /** Grows by one with each version: the ETag. */
  revision: Generated<number>;
}

/** Append-only: a trigger refuses UPDATE, DELETE and TRUNCATE. */
export interface PlanVersionTable {
  plan_id: string;
  version: number;
  /** ISO date: the first day on which it is offered. */
  effective_from: ColumnType<string, string, never>;
  terms: ColumnType<PlanTerms, string, never>;
}
