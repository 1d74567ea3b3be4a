/** What RDS keeps: DB instances, DB subnet groups and DB parameter groups, by account, Region and name. */
import { parseArn, recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Caller, type Cloud, type Table } from '../../model.ts';

/** "Viewing DB instance status", Amazon RDS User Guide. */
export type InstanceStatus =
  | 'creating'
  | 'available'
  | 'rebooting'
  | 'starting'
  | 'stopping'
  | 'stopped'
  | 'deleting'
  | 'failed'
  | 'inaccessible-encryption-credentials-recoverable'
  | 'inaccessible-encryption-credentials';

/** What ModifyDBInstance can change and keeps for the maintenance window when it is not to be applied at once. */
export interface PendingChange {
  readonly instanceClass?: string;
  readonly allocatedStorage?: number;
  readonly multiAz?: boolean;
  readonly engineVersion?: string;
  readonly backupRetentionDays?: number;
  readonly storageType?: string;
  readonly masterPassword?: string;
}

export interface InstanceRecord {
  readonly id: string;
  readonly arn: string;
  readonly accountId: string;
  readonly region: string;
  /** `db-…`, never used again, also when the identifier is. */
  readonly resourceId: string;
  readonly status: InstanceStatus;
  /** Why an instance failed or cannot be used. */
  readonly statusReason?: string;
  /** Milliseconds since 1970, like every time in these records. */
  readonly createdAt: number;
  readonly inaccessibleSince?: number;
  readonly engineVersion: string;
  readonly instanceClass: string;
  /** GiB. */
  readonly allocatedStorage: number;
  readonly maxAllocatedStorage?: number;
  readonly storageType: string;
  readonly iops?: number;
  readonly storageThroughput?: number;
  readonly databaseName?: string;
  readonly masterUsername: string;
  /** In the clear: each new session is checked against it. Everything that reads it runs inside the sandbox. */
  readonly masterPassword: string;
  readonly masterSecret?: { readonly arn: string; readonly kmsKeyArn: string };
  readonly port: number;
  readonly endpoint?: { readonly address: string; readonly port: number };
  readonly availabilityZone: string;
  readonly secondaryAvailabilityZone?: string;
  readonly subnetGroupName: string;
  readonly securityGroupIds: readonly string[];
  readonly parameterGroupName: string;
  readonly parameterApplyStatus: 'in-sync' | 'pending-reboot';
  /** `rds.force_ssl` as the engine runs with it. */
  readonly forceTls: boolean;
  readonly multiAz: boolean;
  readonly publiclyAccessible: boolean;
  readonly backupRetentionDays: number;
  readonly backupWindow: string;
  readonly maintenanceWindow: string;
  readonly deletionProtection: boolean;
  readonly copyTagsToSnapshot: boolean;
  readonly autoMinorVersionUpgrade: boolean;
  readonly caCertificate: string;
  readonly iamAuthentication: boolean;
  readonly logExports: readonly string[];
  /** Enhanced Monitoring, when it is on. */
  readonly monitoring?: { readonly intervalSeconds: number; readonly roleArn: string } | undefined;
  /** Performance Insights, when they are on. */
  readonly performanceInsights?: { readonly kmsKeyArn: string; readonly retentionDays: number } | undefined;
  readonly databaseInsightsMode: 'standard' | 'advanced';
  readonly storage:
    | { readonly encrypted: true; readonly kmsKeyArn: string; readonly wrappedKey: string }
    | { readonly encrypted: false; readonly plainKey: string };
  readonly pending: PendingChange;
  /** The snapshot that the storage began as, until it is there. */
  readonly restoreFrom?: string;
  /** The snapshot that the deletion takes before it erases the storage. */
  readonly finalSnapshot?: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface SnapshotRecord {
  readonly id: string;
  readonly arn: string;
  readonly accountId: string;
  readonly region: string;
  readonly type: 'manual' | 'awsbackup';
  readonly status: 'creating' | 'available' | 'failed';
  readonly createdAt: number;
  readonly vpcId: string;
  /** The instance as it was, its wrapped storage key among it: the copy is encrypted under the same one. */
  readonly instance: Omit<InstanceRecord, 'endpoint'>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface SubnetGroupRecord {
  readonly name: string;
  readonly arn: string;
  readonly description: string;
  readonly vpcId: string;
  readonly subnets: ReadonlyArray<{ readonly id: string; readonly zone: string }>;
  readonly tags: Readonly<Record<string, string>>;
  /** The token of the CloudFormation creation that made it, if one did: a repeated one finds its own group. */
  readonly madeBy?: string | undefined;
}

export interface ParameterGroupRecord {
  readonly name: string;
  readonly arn: string;
  readonly family: string;
  readonly description: string;
  /** What differs from the family's defaults. */
  readonly values: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** The token of the CloudFormation creation that made it, if one did: a repeated one finds its own group. */
  readonly madeBy?: string | undefined;
}

/** Whose records are meant, in which cloud: a call, or work that the sandbox does by itself. */
export interface Owner extends Pick<Caller, 'accountId' | 'region'> {
  readonly cloud: Cloud;
}

export const instanceTable = (owner: Pick<Owner, 'cloud'>): Table<InstanceRecord> =>
  owner.cloud.state.table<InstanceRecord>('rds.instances');
export const snapshotTable = (owner: Pick<Owner, 'cloud'>): Table<SnapshotRecord> =>
  owner.cloud.state.table<SnapshotRecord>('rds.snapshots');
export const subnetGroupTable = (owner: Owner): Table<SubnetGroupRecord> =>
  owner.cloud.state.table<SubnetGroupRecord>('rds.subnet-groups');
export const parameterGroupTable = (owner: Owner): Table<ParameterGroupRecord> =>
  owner.cloud.state.table<ParameterGroupRecord>('rds.parameter-groups');

/** `arn:aws:rds:<region>:<account>:<kind>:<name>`; kinds are `db`, `snapshot`, `subgrp` and `pg`. */
type ArnKind = 'db' | 'snapshot' | 'subgrp' | 'pg';

export function rdsArn(owner: Owner, kind: ArnKind, name: string): string {
  return regionalArn('rds', owner, `${kind}:${name}`);
}

/** RDS keeps names in lower case, and takes an ARN in their place. */
export function nameFrom(owner: Owner, kind: ArnKind, given: string): string {
  const arn = parseArn(given);
  const local = arn?.service === 'rds' && arn.accountId === owner.accountId && arn.region === owner.region;
  return local && arn.resource.startsWith(`${kind}:`)
    ? arn.resource.slice(kind.length + 1)
    : given.toLowerCase();
}

export function instanceNamed(owner: Owner, given: string): InstanceRecord | undefined {
  return instanceTable(owner).get(recordKey(owner, nameFrom(owner, 'db', given)));
}

/** @throws AwsError DBInstanceNotFound (404). */
export function findInstance(owner: Owner, given: string | undefined): InstanceRecord {
  const name = required(given, 'DBInstanceIdentifier');
  const instance = instanceNamed(owner, name);
  if (instance === undefined) throw new AwsError('DBInstanceNotFound', `DBInstance ${name} not found.`, 404);
  return instance;
}

export function saveInstance(owner: Owner, instance: InstanceRecord): InstanceRecord {
  instanceTable(owner).put(recordKey(owner, instance.id), instance);
  return instance;
}

/** Changes the instance as it is now: a record read before an `await` may be old. Undefined when it is gone. */
export function changeInstance(
  owner: Owner,
  id: string,
  change: (current: InstanceRecord) => InstanceRecord,
): InstanceRecord | undefined {
  return owner.cloud.state.transaction(() => {
    const current = instanceTable(owner).get(recordKey(owner, id));
    if (current === undefined) return undefined;
    const changed = change(current);
    return changed === current ? current : saveInstance(owner, changed);
  });
}

export function required(value: string | undefined, name: string): string {
  if (value === undefined || value === '')
    throw new AwsError('MissingParameter', `The request must contain the parameter ${name}.`);
  return value;
}

/** `limit` of a Describe operation: 20 to 100. */
export function recordLimit(asked: number | undefined): number {
  if (asked !== undefined && (asked < 20 || asked > 100)) {
    throw new AwsError(
      'InvalidParameterValue',
      `Invalid value ${asked} for MaxRecords. Must be between 20 and 100`,
    );
  }
  return asked ?? 100;
}

/** Names of DB subnet groups, parameter groups and instances: 1 to `limit` letters, digits and hyphens, a letter first. */
export function checkedIdentifier(given: string | undefined, parameter: string, limit: number): string {
  const name = required(given, parameter).toLowerCase();
  if (!/^[a-z](?:[a-z0-9]|-(?!-|$))*$/.test(name) || name.length > limit) {
    throw new AwsError(
      'InvalidParameterValue',
      `The parameter ${parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.`,
    );
  }
  return name;
}
