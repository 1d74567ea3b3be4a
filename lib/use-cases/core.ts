import type { Db } from '../db/database.ts';
import type { Workflow } from '../domain/run.ts';
import type { CellAccess } from '../ports/cell-access.ts';
import type { Clock } from '../ports/clock.ts';
import type { Shapes } from '../ports/shapes.ts';
import type { TermsSigner } from '../ports/terms-signer.ts';
import type { RunQueue } from '../runs/queue.ts';

/** What every use-case works with. Made once, where the process starts. */
export interface Core {
  readonly db: Db;
  readonly clock: Clock;
  readonly queue: RunQueue;
  /** How a cell is asked whether it lets the control plane in. */
  readonly cellAccess: CellAccess;
  /** What of a practice's money one person alone decides, in cents of its currency; more takes a second one. */
  readonly secondApprovalCents: number;
  /** Names of each workflow's steps, in order: the journal of a new run. */
  readonly steps: Readonly<Record<Workflow, readonly string[]>>;
  /** What the plans' shapes ask of the stacks, and what practices may set. */
  readonly shapes: Shapes;
  /** What signs the terms of members. */
  readonly termsSigner: TermsSigner;
}
