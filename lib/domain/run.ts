import type { ReviewedChange } from './change-review.ts';

/**
 * One execution of a workflow. `waiting`: no worker takes it up until a cell has room for its practice. Terminal:
 * `succeeded`, `failed` (can be retried or cancelled), `cancelled`.
 */
export const runStates = [
  'waiting',
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelling',
  'cancelled',
] as const;
export type RunState = (typeof runStates)[number];

export const workflows = [
  'provision-practice',
  'update-practice',
  'roll-back-practice',
  'suspend-practice',
  'resume-practice',
  'offboard-practice',
  'deprovision-practice',
  'shred-practice',
  'keep-key',
  'purge-practice',
] as const;
export type Workflow = (typeof workflows)[number];

export const stepStates = ['pending', 'running', 'succeeded', 'failed', 'skipped'] as const;
export type StepState = (typeof stepStates)[number];

/** Why a run stopped, as an operator needs it: root cause first, then what to do. Holds no secret. */
export interface RunError {
  readonly code: string;
  readonly message: string;
  readonly step: string;
  /** The CloudFormation resource that failed first, with CloudFormation's own reason. */
  readonly resource?: {
    readonly stackName: string;
    readonly logicalId: string;
    readonly type: string;
    readonly reason: string;
  };
  readonly retryable: boolean;
  readonly nextAction: string;
}

/** What happened, in order; the log that `GET /v1/runs/{id}/events` streams. */
export type RunEventBody =
  | { readonly kind: 'run'; readonly state: RunState; readonly message?: string }
  | {
      readonly kind: 'step';
      readonly step: string;
      readonly state: StepState;
      readonly attempt: number;
      readonly message?: string;
    }
  | {
      readonly kind: 'resource';
      readonly step: string;
      readonly stackName: string;
      /** CloudFormation's ids of stack and event: by them no event is told of twice. */
      readonly stackId?: string;
      readonly eventId?: string;
      readonly logicalId: string;
      readonly resourceType: string;
      readonly physicalId: string | null;
      /** CloudFormation's resource status, for example CREATE_IN_PROGRESS. */
      readonly status: string;
      readonly reason: string | null;
    }
  /** One change of a change set as the review judged it, before it was executed; of updates, for a creation only adds. */
  | ({
      readonly kind: 'change';
      readonly step: string;
      readonly stackName: string;
      /** CloudFormation's id: by it no change set is told of twice. */
      readonly changeSetId: string;
    } & ReviewedChange)
  | {
      readonly kind: 'check';
      readonly check: string;
      readonly title: string;
      readonly passed: boolean;
      readonly expected: string;
      readonly observed: string;
    };

export type RunEventKind = RunEventBody['kind'];
