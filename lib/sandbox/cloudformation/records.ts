import { indexedTable } from '../indexed-table.ts';
import type { Cloud, State } from '../model.ts';
import type { Difference } from './drift-comparison.ts';
import type { ParameterTexts } from './parameters.ts';
import { withTemplates } from './template-store.ts';

/** What a stack is made of: the template as it was given, and the values that go with it. */
export interface StackContent {
  readonly templateBody: string;
  readonly parameters: ParameterTexts;
  readonly tags: Readonly<Record<string, string>>;
}

/** Where a stack operation stands. It is written before each step, so that a restarted sandbox goes on from there. */
export interface OperationRecord {
  readonly id: string;
  readonly kind: 'create' | 'update' | 'delete';
  /** `work` does what was asked; `rollback` undoes it; `cleanup` removes what an update or its rollback left over. */
  readonly phase: 'work' | 'rollback' | 'cleanup';
  readonly clientRequestToken: string | undefined;
  /** What the stack is to become; absent for a deletion. */
  readonly target?: StackContent;
  /** What the stack was; absent for a creation. */
  readonly previous?: StackContent;
  /** What to do when the work fails. */
  readonly onFailure: 'ROLLBACK' | 'DO_NOTHING' | 'DELETE';
  /** Resources that a deletion leaves alone, or that a continued rollback skips. */
  readonly retain: readonly string[];
  /** The resources that the work failed on, for the stack's status reason. */
  readonly failed: readonly string[];
  /** Set while a failed operation waits: for ContinueUpdateRollback, for RollbackStack or for a deletion. */
  readonly halted?: boolean;
  /** Policy in force for this update only. */
  readonly stackPolicy?: string;
  /** The resources that a failed rollback could not give back what they were. */
  readonly notRestored?: readonly string[];
  /** A deletion that leaves what would not go, and ends all the same (`FORCE_DELETE_STACK`). */
  readonly forced?: boolean;
  /** Set by CancelUpdateStack. */
  readonly cancelled?: boolean;
}

export interface StackRecord extends StackContent {
  readonly stackId: string;
  readonly name: string;
  readonly accountId: string;
  readonly region: string;
  /** Who made the stack: its operations act in this name. */
  readonly principalArn: string;
  readonly status: string;
  readonly statusReason?: string | undefined;
  readonly creationTime: Date;
  readonly lastUpdatedTime?: Date | undefined;
  readonly deletionTime?: Date | undefined;
  readonly description?: string | undefined;
  readonly capabilities: readonly string[];
  readonly roleArn?: string | undefined;
  readonly changeSetId?: string | undefined;
  readonly disableRollback: boolean;
  readonly timeoutInMinutes?: number | undefined;
  readonly terminationProtection: boolean;
  readonly stackPolicy?: string | undefined;
  readonly outputs: readonly OutputRecord[];
  /** Names of other stacks' exports that this stack uses. */
  readonly imports: readonly string[];
  readonly operation?: OperationRecord | undefined;
  readonly drift?: StackDrift | undefined;
}

export interface OutputRecord {
  readonly key: string;
  readonly value: string;
  readonly description?: string | undefined;
  readonly exportName?: string | undefined;
}

export interface ResourceRecord {
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId?: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Resolved, but for dynamic references: a secret's value is never recorded. */
  readonly properties: Readonly<Record<string, unknown>>;
  readonly deletionPolicy: string;
  readonly updateReplacePolicy: string;
  /** The resources that must outlive this one. */
  readonly dependsOn: readonly string[];
  readonly stackTags: Readonly<Record<string, string>>;
  readonly status: string;
  readonly statusReason?: string | undefined;
  readonly timestamp: Date;
}

/** One resource's part in one operation: kept from its first step until the operation has ended. */
export interface ProgressRecord {
  readonly logicalId: string;
  readonly action: 'create' | 'update' | 'replace' | 'none';
  readonly done: boolean;
  /** What the operation gives, or tried to give, the resource. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** The resource before the operation touched it. */
  readonly before?: ResourceRecord | undefined;
  /** Whether the rollback has put it back. */
  readonly restored?: boolean;
  /** The physical resource that a cleanup has still to delete: one replaced, or one that a rollback has no use for. */
  readonly leftover?: ResourceRecord | undefined;
}

export interface EventRecord {
  readonly id: string;
  readonly stackId: string;
  readonly stackName: string;
  readonly logicalId: string;
  readonly physicalId: string;
  readonly type: string;
  readonly timestamp: Date;
  readonly status: string;
  readonly reason?: string | undefined;
  readonly properties?: string | undefined;
  readonly clientRequestToken?: string | undefined;
}

/** A change set's record; `content` is what executing it makes of the stack. */
export interface ChangeSetRecord {
  readonly changeSetId: string;
  readonly name: string;
  readonly stackId: string;
  readonly stackName: string;
  readonly type: 'CREATE' | 'UPDATE';
  readonly description?: string | undefined;
  readonly creationTime: Date;
  readonly status: 'CREATE_COMPLETE' | 'FAILED';
  readonly statusReason?: string | undefined;
  readonly executionStatus:
    | 'AVAILABLE'
    | 'UNAVAILABLE'
    | 'EXECUTE_IN_PROGRESS'
    | 'EXECUTE_COMPLETE'
    | 'EXECUTE_FAILED'
    | 'OBSOLETE';
  readonly content: StackContent;
  readonly capabilities: readonly string[];
  readonly roleArn?: string | undefined;
  readonly onStackFailure?: 'ROLLBACK' | 'DO_NOTHING' | 'DELETE' | undefined;
  readonly changes: readonly PlannedChange[];
}

/** One resource's line in a change set, without the parts that all lines share. */
export interface PlannedChange {
  readonly action: 'Add' | 'Modify' | 'Remove';
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId?: string | undefined;
  readonly replacement?: 'True' | 'False' | 'Conditional' | undefined;
  readonly policyAction?:
    | 'Delete'
    | 'Retain'
    | 'Snapshot'
    | 'ReplaceAndDelete'
    | 'ReplaceAndRetain'
    | 'ReplaceAndSnapshot'
    | undefined;
  readonly scope: readonly ChangeScope[];
  readonly details: readonly PlannedDetail[];
  /** JSON of the resource's attributes before and after, secrets hidden; absent where there is no resource. */
  readonly beforeContext?: string | undefined;
  readonly afterContext?: string | undefined;
}

export type ChangeScope = 'Properties' | 'Metadata' | 'Tags' | 'DeletionPolicy' | 'UpdateReplacePolicy';

export interface PlannedDetail {
  readonly attribute: ChangeScope;
  readonly name?: string | undefined;
  readonly requiresRecreation: 'Never' | 'Conditionally' | 'Always';
  readonly evaluation: 'Static' | 'Dynamic';
  readonly source:
    | 'DirectModification'
    | 'ParameterReference'
    | 'ResourceReference'
    | 'ResourceAttribute'
    | 'Automatic';
  readonly causingEntity?: string | undefined;
  /** JSON pointer within the resource. */
  readonly path: string;
  /** Values at that path, secrets hidden; absent where there is none. */
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  readonly changeType: 'Add' | 'Remove' | 'Modify';
}

/** What a look at one resource found. */
export interface ResourceDriftRecord {
  readonly logicalId: string;
  readonly physicalId: string;
  readonly type: string;
  readonly status: 'IN_SYNC' | 'MODIFIED' | 'DELETED' | 'UNKNOWN';
  /** Why the status is UNKNOWN. */
  readonly reason?: string;
  readonly expected: Readonly<Record<string, unknown>>;
  /** What the template sets, as it is; absent when there is nothing to read. */
  readonly actual?: Readonly<Record<string, unknown>>;
  readonly differences: readonly Difference[];
  readonly timestamp: Date;
}

export interface DriftDetectionRecord {
  readonly id: string;
  readonly stackId: string;
  readonly status: 'DETECTION_IN_PROGRESS' | 'DETECTION_COMPLETE' | 'DETECTION_FAILED';
  readonly statusReason?: string;
  readonly stackStatus?: StackDrift['status'];
  readonly driftedCount?: number;
  readonly startedAt: Date;
}

/** What the last detection over the whole stack found. */
export interface StackDrift {
  readonly status: 'DRIFTED' | 'IN_SYNC' | 'UNKNOWN';
  readonly checkedAt: Date;
}

/** What stacks are found by: `newest:` counts down, so that the order of the terms is AWS's. */
const termsOfStack = (stack: StackRecord): string[] => [
  `status:${stack.status}`,
  ...(stack.status === 'DELETE_COMPLETE' ? [] : [`newest:${countingDown(stack.creationTime)}`]),
  ...(stack.outputs.some(({ exportName }) => exportName !== undefined) ? ['exports'] : []),
  ...stack.imports.map((name) => `imports:${name}`),
];

const latestTime = 99_999_999_999_999;
const countingDown = (time: Date) => String(latestTime - time.getTime()).padStart(14, '0');

/** The tables of CloudFormation. Keys begin with `stackKey`, so one account's stacks and one stack's records lie together. */
export const tables = (state: State) => ({
  get stacks() {
    const name = 'cloudformation.stacks';
    const table = withTemplates(state, state.table<StackRecord>(name));
    return indexedTable(state, { name, table, version: 1, termsOf: termsOfStack });
  },
  /** `<account>/<region>/<name>` → ARN of the stack that has the name now. */
  names: state.table<string>('cloudformation.stack-names'),
  resources: state.table<ResourceRecord>('cloudformation.resources'),
  progress: state.table<ProgressRecord>('cloudformation.progress'),
  events: state.table<EventRecord>('cloudformation.events'),
  get changeSets() {
    const name = 'cloudformation.change-sets';
    const table = withTemplates(state, state.table<ChangeSetRecord>(name));
    return indexedTable(state, { name, table, version: 1, termsOf: ({ changeSetId }) => [changeSetId] });
  },
  driftDetections: state.table<DriftDetectionRecord>('cloudformation.drift-detections'),
  resourceDrifts: state.table<ResourceDriftRecord>('cloudformation.resource-drifts'),
  tokens: state.table<TokenRecord>('cloudformation.tokens'),
});

export interface TokenRecord {
  /** The operation and what it was asked for first. */
  readonly use: string;
  /** What the first call returned. */
  readonly result: string;
}

/** `<account>/<region>/<unique id>` of a stack's ARN `arn:aws:cloudformation:<region>:<account>:stack/<name>/<unique id>`. */
export function stackKey(stackId: string): string {
  const [, , , region, accountId, resource = ''] = stackId.split(':');
  return `${accountId}/${region}/${resource.split('/').at(-1)}`;
}

/** Reads a stack that must be there. */
export function requireStack(cloud: Cloud, stackId: string): StackRecord {
  const stack = tables(cloud.state).stacks.get(stackKey(stackId));
  if (!stack) throw new Error(`There is no record of stack ${stackId}.`);
  return stack;
}

export function changeStack(cloud: Cloud, stackId: string, change: Partial<StackRecord>): StackRecord {
  const changed = { ...requireStack(cloud, stackId), ...change };
  tables(cloud.state).stacks.put(stackKey(stackId), changed);
  return changed;
}

export const resourcesOf = (cloud: Cloud, stackId: string): ResourceRecord[] =>
  tables(cloud.state).resources.list(`${stackKey(stackId)}/`);

export const resourceOf = (cloud: Cloud, stackId: string, logicalId: string): ResourceRecord | undefined =>
  tables(cloud.state).resources.get(`${stackKey(stackId)}/${logicalId}`);

export const progressOf = (cloud: Cloud, stackId: string): ProgressRecord[] =>
  tables(cloud.state).progress.list(`${stackKey(stackId)}/`);

/** Whether a resource of the stack exists, as far as CloudFormation is concerned. */
export const isPresent = (resource: ResourceRecord): boolean =>
  resource.status !== 'DELETE_COMPLETE' && resource.status !== 'DELETE_SKIPPED';
