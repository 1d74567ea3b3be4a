import { BackupClient, DeleteBackupVaultCommand, paginateListBackupVaults } from '@aws-sdk/client-backup';
import { CloudWatchLogsClient, DeleteLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CancelKeyDeletionCommand,
  DescribeKeyCommand,
  EnableKeyCommand,
  type KeyMetadata,
  KMSClient,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { RDSClient } from '@aws-sdk/client-rds';
import {
  DeleteBucketCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { DomainError } from '../domain/errors.ts';
import type { KeyLife, SiloRemoval, SiloRemovals } from '../ports/silo-removal.ts';
import { type AwsClients, type ClientOptions, call, clientSettings } from './clients.ts';
import { databaseRemoval } from './database-removal.ts';
import { awsCodeOf } from './errors.ts';
import { missing, unlessNone } from './missing.ts';
import { retireSession } from './retire-role.ts';

/** "Deleting AWS KMS keys": the waiting period is 7 to 30 days, and the cell's policies allow the longest only. */
const longestKeyDeletionWindowDays = 30;

/**
 * The port by the services' own operations. Reads are made with the clients that there are, as the control plane; changes as the cell's
 * role `retire`, in a session of the practice that begins with the first of them.
 * @param accountId the cell's: nothing is changed with keys of another one
 * @param options of `clients`, whose connections the session's own clients share
 */
export function siloRemovals(
  clients: AwsClients,
  accountId: string,
  options: Pick<ClientOptions, 'region' | 'endpoint'>,
): SiloRemovals {
  return (practiceId) => {
    const settings = {
      ...clientSettings({ ...options, credentials: retireSession(clients.sts, accountId, practiceId) }),
      // Sockets only: a session's clients go without being closed, and the cell's own close what all of them used.
      requestHandler: clients.rds.config.requestHandler,
    };
    const s3 = new S3Client({ ...settings, forcePathStyle: options.endpoint !== undefined });
    return {
      ...databaseRemoval(clients.rds, new RDSClient(settings), practiceId),
      ...keyRemoval(clients.kms, new KMSClient(settings)),
      ...bucketRemoval(s3),
      ...recordRemoval(clients.backup, new BackupClient(settings), new CloudWatchLogsClient(settings)),
    };
  };
}

type KeyRemoval = Pick<SiloRemoval, 'keyLife' | 'scheduleKeyDeletion' | 'cancelKeyDeletion'>;

function keyRemoval(reads: KMSClient, writes: KMSClient): KeyRemoval {
  const keyLife: KeyRemoval['keyLife'] = async (KeyId, signal) => {
    const found = await unlessNone('NotFoundException', () =>
      call('kms', 'DescribeKey', signal, (options) => reads.send(new DescribeKeyCommand({ KeyId }), options)),
    );
    const key = found?.KeyMetadata;
    return key === undefined ? undefined : lifeOf(key.Arn ?? KeyId, key);
  };
  return {
    keyLife,
    scheduleKeyDeletion: async (KeyId, signal) => {
      const life = await keyLife(KeyId, signal);
      if (life?.deletionAt) return new Date(life.deletionAt);
      const command = new ScheduleKeyDeletionCommand({
        KeyId,
        PendingWindowInDays: longestKeyDeletionWindowDays,
      });
      const { DeletionDate } = await call('kms', 'ScheduleKeyDeletion', signal, (options) =>
        writes.send(command, options),
      );
      return DeletionDate ?? missing('kms', 'scheduled deletion of key', KeyId);
    },
    cancelKeyDeletion: async (KeyId, signal) => {
      const life = await keyLife(KeyId, signal);
      if (life === undefined) {
        throw new DomainError(
          'wrong_state',
          `KMS has deleted key ${KeyId}: what was encrypted with it is unreadable for good, and nothing can be taken back.`,
        );
      }
      if (life.state.startsWith('Pending')) {
        await call('kms', 'CancelKeyDeletion', signal, (options) =>
          writes.send(new CancelKeyDeletionCommand({ KeyId }), options),
        );
      }
      // "CancelKeyDeletion": the key is disabled then. A disabled one may be an earlier attempt's.
      if (life.state === 'Enabled') return;
      await call('kms', 'EnableKey', signal, (options) =>
        writes.send(new EnableKeyCommand({ KeyId }), options),
      );
    },
  };
}

function lifeOf(
  arn: string,
  { KeyState, DeletionDate }: Pick<KeyMetadata, 'KeyState' | 'DeletionDate'>,
): KeyLife {
  return { arn, state: KeyState ?? 'unknown', deletionAt: DeletionDate?.toISOString() ?? null };
}

/** "Emptying a bucket with a lifecycle configuration", Amazon S3 User Guide: current versions, older ones, marks and halves. */
const expireEverything: LifecycleRule[] = [
  {
    ID: 'RetiredExpiresEverything',
    Status: 'Enabled',
    Filter: { Prefix: '' },
    Expiration: { Days: 1 },
    NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
  },
  {
    ID: 'RetiredForgetsDeleteMarkers',
    Status: 'Enabled',
    Filter: { Prefix: '' },
    Expiration: { ExpiredObjectDeleteMarker: true },
  },
];

function bucketRemoval(s3: S3Client): Pick<SiloRemoval, 'letBucketExpire' | 'removeBucket'> {
  return {
    letBucketExpire: async (Bucket, signal) => {
      const command = new PutBucketLifecycleConfigurationCommand({
        Bucket,
        LifecycleConfiguration: { Rules: expireEverything },
      });
      await unless(['NoSuchBucket'], () =>
        call('s3', 'PutBucketLifecycleConfiguration', signal, (options) => s3.send(command, options)),
      );
    },
    removeBucket: async (Bucket, signal) => {
      const code = await unless(['NoSuchBucket', 'BucketNotEmpty'], () =>
        call('s3', 'DeleteBucket', signal, (options) =>
          s3.send(new DeleteBucketCommand({ Bucket }), options),
        ),
      );
      return code === 'BucketNotEmpty' ? 'not-empty' : 'gone';
    },
  };
}

function recordRemoval(
  reads: BackupClient,
  backup: BackupClient,
  logs: CloudWatchLogsClient,
): Pick<SiloRemoval, 'removeLogGroup' | 'removeBackupVault'> {
  return {
    removeLogGroup: async (logGroupName, signal) => {
      await unless(['ResourceNotFoundException'], () =>
        call('logs', 'DeleteLogGroup', signal, (options) =>
          logs.send(new DeleteLogGroupCommand({ logGroupName }), options),
        ),
      );
    },
    removeBackupVault: async (BackupVaultName, signal) => {
      // AWS Backup answers about a vault that is not there as about one that the caller may not see: the list tells the two apart.
      if (!(await vaultExists(reads, BackupVaultName, signal))) return 'gone';
      const code = await unless(['InvalidRequestException', 'ResourceNotFoundException'], () =>
        call('backup', 'DeleteBackupVault', signal, (options) =>
          backup.send(new DeleteBackupVaultCommand({ BackupVaultName }), options),
        ),
      );
      return code === 'InvalidRequestException' ? 'not-empty' : 'gone';
    },
  };
}

async function vaultExists(client: BackupClient, name: string, signal?: AbortSignal): Promise<boolean> {
  return call('backup', 'ListBackupVaults', signal, async (options) => {
    for await (const page of paginateListBackupVaults({ client }, {}, options)) {
      if ((page.BackupVaultList ?? []).some(({ BackupVaultName }) => BackupVaultName === name)) return true;
    }
    return false;
  });
}

/** Which of these codes a call was refused with; undefined when it passed. Any other error is thrown. */
async function unless(codes: readonly string[], change: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await change();
    return undefined;
  } catch (error) {
    const code = awsCodeOf(error);
    if (code !== undefined && codes.includes(code)) return code;
    throw error;
  }
}
