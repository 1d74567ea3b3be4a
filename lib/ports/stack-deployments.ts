import type { ResourceChange } from '../domain/resource-change.ts';

/** A stack as CloudFormation shows it. */
export interface StackView {
  /** The ARN: unlike the name it stays usable after deletion, and a stack made anew has another one. */
  readonly stackId: string;
  readonly name: string;
  readonly createdAt: Date;
  /** CloudFormation's stack status, for example `CREATE_COMPLETE`. */
  readonly status: string;
  readonly statusReason: string | null;
  readonly parameters: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly terminationProtection: boolean;
}

/** One line of a stack's history. The stack itself appears as a resource whose physical id is the stack's. */
export interface StackEvent {
  readonly id: string;
  readonly stackId: string;
  readonly stackName: string;
  readonly logicalId: string;
  readonly physicalId: string | null;
  readonly resourceType: string;
  /** CloudFormation's resource status, for example `CREATE_FAILED`. */
  readonly status: string;
  readonly reason: string | null;
  readonly at: Date;
  /** The client token of the call that began the operation; null for one begun without, for example in the console. */
  readonly token: string | null;
}

/** What the list of a cell's operations under way says of one stack. */
export interface Glance {
  /** Its status; undefined when it is not in the list: its operation has ended, has not begun yet, or the list is late. */
  readonly status: string | undefined;
  /** Whether it is this stack's turn to have its events read: a fair share of what the budget of calls has to spare. */
  readonly turn: boolean;
}

interface StackResource {
  readonly logicalId: string;
  readonly physicalId: string | null;
  readonly type: string;
  readonly status: string;
}

interface ChangeSetRequest {
  readonly stackName: string;
  readonly kind: 'create' | 'update';
  /** Unique within the stack; letters, digits and hyphens. */
  readonly name: string;
  /** Travels inline and byte for byte: at most 51,200 bytes. */
  readonly templateBody: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly token: string;
}

export interface ChangeSetView {
  readonly id: string;
  /**
   * `ready` to be reviewed and executed; `empty` when there is nothing to change; `executed` when somebody did, whatever came
   * of it; `overtaken` when the stack has moved on since it was made; `failed` for any other reason; `pending` while CloudFormation works it out.
   */
  readonly state: 'pending' | 'ready' | 'empty' | 'executed' | 'overtaken' | 'failed';
  readonly reason: string;
  readonly changes: readonly ResourceChange[];
}

/**
 * Deploying stacks by change sets (AWS CloudFormation API Reference). Errors are `DomainError`s: `cloud_failure` with
 * service, operation, code and request id in the context, `retryable` when AWS says that the call may pass later.
 */
export interface StackDeployments {
  /** Undefined when there is no such stack, or none any more. `nameOrId`: by id a deleted stack is still found. */
  describe(nameOrId: string, signal?: AbortSignal): Promise<StackView | undefined>;
  /**
   * cloudformation:ListStacks of what is under way, read now and then while anybody asks, for all who ask; answers what the next list says.
   * A hint, for the list may be late: `describe` tells how a stack stands.
   */
  glance(stackId: string, signal?: AbortSignal): Promise<Glance>;
  /** The template that the stack was last deployed from, byte for byte. */
  template(nameOrId: string, signal?: AbortSignal): Promise<string>;
  resources(nameOrId: string, signal?: AbortSignal): Promise<StackResource[]>;
  createChangeSet(request: ChangeSetRequest, signal?: AbortSignal): Promise<{ id: string; stackId: string }>;
  /** With all changes, however many pages they take. */
  describeChangeSet(id: string, signal?: AbortSignal): Promise<ChangeSetView>;
  executeChangeSet(id: string, token: string, signal?: AbortSignal): Promise<void>;
  deleteChangeSet(id: string, signal?: AbortSignal): Promise<void>;
  /** Events that `isKnown` does not know by id, oldest first; reads no further back than to the first known one. */
  eventsSince(
    stackId: string,
    isKnown: (eventId: string) => boolean,
    signal?: AbortSignal,
  ): Promise<StackEvent[]>;
  /** Asks for deletion; the stack's status tells when and whether it is gone. */
  remove(stackId: string, token: string, signal?: AbortSignal): Promise<void>;
  /**
   * cloudformation:ContinueUpdateRollback of a stack that is `UPDATE_ROLLBACK_FAILED`, with every resource: none is ever skipped. Its status and
   * events tell what came of it.
   */
  continueUpdateRollback(stackId: string, token: string, signal?: AbortSignal): Promise<void>;
  setTerminationProtection(stackName: string, enabled: boolean, signal?: AbortSignal): Promise<void>;
  setStackPolicy(stackName: string, policy: string, signal?: AbortSignal): Promise<void>;
}
