/** One database snapshot, as RDS shows it (`DBSnapshot`, Amazon RDS API Reference). Times are RFC 3339, UTC. */
export interface SnapshotFacts {
  readonly id: string;
  readonly arn: string;
  /** The instance that it was taken of. */
  readonly databaseInstanceId: string;
  /** RDS's own id of that instance (`DbiResourceId`): another one that was given the same name has another. */
  readonly databaseResourceId: string | null;
  /** `creating`, `available`, `failed`, … */
  readonly status: string;
  readonly percentProgress: number;
  readonly encrypted: boolean;
  readonly keyArn: string | null;
  /** Storage of the instance in GiB: what a restore allocates, not what the snapshot is billed for. */
  readonly allocatedGib: number;
  readonly engineVersion: string;
  /** Null while it is being made. */
  readonly createdAt: string | null;
}

/** A key on its way out, or not. */
export interface KeyLife {
  readonly arn: string;
  /** `Enabled`, `Disabled`, `PendingDeletion`, `PendingReplicaDeletion`, … ("Key states of AWS KMS keys"). */
  readonly state: string;
  /** When KMS deletes it; null unless it is pending deletion. */
  readonly deletionAt: string | null;
}

/**
 * What has to be known before a database may go: the final snapshot that was read back, or why there is nothing to keep.
 * The second is for a silo whose practice was never active.
 */
export type DatabaseFarewell =
  | { readonly finalSnapshotId: string; readonly keyArn: string }
  | { readonly finalSnapshot: false; readonly reason: string };

/**
 * Removing what outlives its stack (docs/silo.md, "What outlives its stack"), for one practice only: the calls are made as the cell's
 * role `retire`, in a session that is tagged with the practice, and AWS refuses them for a resource with another practice's tag.
 * None of them reads what a practice keeps. Each may be repeated after a crash: what is done already, or gone, is no error.
 * Errors are `DomainError`s as in `StackDeployments`.
 */
export interface SiloRemoval {
  /** rds:CreateDBSnapshot, tagged for the practice; joins the snapshot of that name if it is this instance's. */
  beginFinalSnapshot(
    of: { readonly databaseInstanceId: string; readonly snapshotId: string },
    signal?: AbortSignal,
  ): Promise<void>;
  /** rds:DescribeDBSnapshots; undefined when there is none (any more). */
  snapshot(snapshotId: string, signal?: AbortSignal): Promise<SnapshotFacts | undefined>;
  /**
   * rds:DescribeDBSnapshots, rds:ModifyDBInstance, rds:DeleteDBInstance: reads the final snapshot once more (`available`, of this
   * very instance, encrypted with the practice's key), switches deletion protection off and asks for the deletion. RDS's own backups stay
   * until they expire. `databaseExists` of `SiloReads` tells when it is gone.
   * @throws DomainError `conflict` when the snapshot is not what it must be; nothing was changed then.
   */
  removeDatabase(databaseInstanceId: string, farewell: DatabaseFarewell, signal?: AbortSignal): Promise<void>;
  /** rds:DeleteDBSubnetGroup. RDS refuses while an instance is in it, also one that is being deleted. */
  removeDatabaseSubnetGroup(name: string, signal?: AbortSignal): Promise<void>;
  /** rds:DeleteDBParameterGroup. As for the subnet group. */
  removeDatabaseParameterGroup(name: string, signal?: AbortSignal): Promise<void>;
  /** rds:DeleteDBSnapshot: when nobody can read it any more, or nobody ever will. */
  removeSnapshot(snapshotId: string, signal?: AbortSignal): Promise<void>;

  /** kms:DescribeKey; undefined when KMS has no such key (any more). */
  keyLife(keyArn: string, signal?: AbortSignal): Promise<KeyLife | undefined>;
  /** kms:ScheduleKeyDeletion with the longest window (30 days); answers when the key goes, also if it was scheduled already. */
  scheduleKeyDeletion(keyArn: string, signal?: AbortSignal): Promise<Date>;
  /** kms:CancelKeyDeletion, which leaves a key disabled, then kms:EnableKey. */
  cancelKeyDeletion(keyArn: string, signal?: AbortSignal): Promise<void>;

  /**
   * s3:PutLifecycleConfiguration: from now on S3 itself expires every object and version of the bucket, within two days or so. Nobody
   * reads or lists what is in it, so no name of a document leaves it. Not reversible once S3 has begun.
   */
  letBucketExpire(bucket: string, signal?: AbortSignal): Promise<void>;
  /** s3:DeleteBucket; `not-empty` while S3 still has something in it. */
  removeBucket(bucket: string, signal?: AbortSignal): Promise<'gone' | 'not-empty'>;
  /** logs:DeleteLogGroup, with every line in it. */
  removeLogGroup(name: string, signal?: AbortSignal): Promise<void>;
  /** backup:DeleteBackupVault; `not-empty` while a recovery point has not expired: the lock lets nobody remove one before. */
  removeBackupVault(name: string, signal?: AbortSignal): Promise<'gone' | 'not-empty'>;
}

/** The removal of one practice's silo in a cell; asks AWS for nothing yet. */
export type SiloRemovals = (practiceId: string) => SiloRemoval;
