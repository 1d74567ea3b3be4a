import {
  DescribeBackupVaultCommand,
  GetBackupPlanCommand,
  GetBackupSelectionCommand,
  ListBackupSelectionsCommand,
} from '@aws-sdk/client-backup';
import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  GetBucketEncryptionCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import type { LogGroupFacts } from '../domain/silo-facts.ts';
import type { SiloReads } from '../ports/silo-reads.ts';
import { type AwsClients, call } from './clients.ts';
import { unlessNone } from './missing.ts';

type RecordReads = Pick<SiloReads, 'bucket' | 'backupVault' | 'backupPlan' | 'logGroups'>;

/** What S3, AWS Backup and CloudWatch Logs say about what a practice keeps beside its database. */
export function recordReads(clients: AwsClients): RecordReads {
  const { logs } = clients;
  return {
    ...bucketReads(clients),
    ...backupReads(clients),
    logGroups: async (prefix, signal) => {
      const groups: LogGroupFacts[] = [];
      let nextToken: string | undefined;
      do {
        const page = await call('logs', 'DescribeLogGroups', signal, (options) =>
          logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: prefix, nextToken }), options),
        );
        for (const group of page.logGroups ?? []) {
          groups.push({
            name: group.logGroupName ?? '',
            keyArn: group.kmsKeyId ?? null,
            retentionDays: group.retentionInDays ?? null,
          });
        }
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return groups;
    },
  };
}

function bucketReads({ s3 }: AwsClients): Pick<RecordReads, 'bucket'> {
  return {
    bucket: async (name, signal) => {
      const Bucket = name;
      const [encryption, publicAccess, versioning, policy] = await Promise.all([
        unlessNone('ServerSideEncryptionConfigurationNotFoundError', () =>
          call('s3', 'GetBucketEncryption', signal, (options) =>
            s3.send(new GetBucketEncryptionCommand({ Bucket }), options),
          ),
        ),
        unlessNone('NoSuchPublicAccessBlockConfiguration', () =>
          call('s3', 'GetPublicAccessBlock', signal, (options) =>
            s3.send(new GetPublicAccessBlockCommand({ Bucket }), options),
          ),
        ),
        call('s3', 'GetBucketVersioning', signal, (options) =>
          s3.send(new GetBucketVersioningCommand({ Bucket }), options),
        ),
        unlessNone('NoSuchBucketPolicy', () =>
          call('s3', 'GetBucketPolicy', signal, (options) =>
            s3.send(new GetBucketPolicyCommand({ Bucket }), options),
          ),
        ),
      ]);
      const byDefault =
        encryption?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
      const block = publicAccess?.PublicAccessBlockConfiguration;
      return {
        name,
        encryption: byDefault?.SSEAlgorithm ?? null,
        keyArn: byDefault?.KMSMasterKeyID ?? null,
        publicAccessBlocked: [
          block?.BlockPublicAcls,
          block?.BlockPublicPolicy,
          block?.IgnorePublicAcls,
          block?.RestrictPublicBuckets,
        ].every((setting) => setting === true),
        versioned: versioning.Status === 'Enabled',
        policy: policy?.Policy ?? null,
      };
    },
  };
}

function backupReads({ backup }: AwsClients): Pick<RecordReads, 'backupVault' | 'backupPlan'> {
  const selections = async (BackupPlanId: string, signal?: AbortSignal): Promise<string[]> => {
    const ids: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await call('backup', 'ListBackupSelections', signal, (options) =>
        backup.send(new ListBackupSelectionsCommand({ BackupPlanId, NextToken }), options),
      );
      ids.push(...(page.BackupSelectionsList ?? []).flatMap(({ SelectionId }) => SelectionId ?? []));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    const chosen = await Promise.all(
      ids.map((SelectionId) =>
        call('backup', 'GetBackupSelection', signal, (options) =>
          backup.send(new GetBackupSelectionCommand({ BackupPlanId, SelectionId }), options),
        ),
      ),
    );
    return chosen.flatMap(({ BackupSelection }) => BackupSelection?.Resources ?? []);
  };
  return {
    backupVault: async (name, signal) => {
      const vault = await call('backup', 'DescribeBackupVault', signal, (options) =>
        backup.send(new DescribeBackupVaultCommand({ BackupVaultName: name }), options),
      );
      return {
        name,
        keyArn: vault.EncryptionKeyArn ?? null,
        locked: vault.Locked ?? false,
        leastRetentionDays: vault.MinRetentionDays ?? null,
      };
    },
    backupPlan: async (planId, signal) => {
      const [{ BackupPlan }, resources] = await Promise.all([
        call('backup', 'GetBackupPlan', signal, (options) =>
          backup.send(new GetBackupPlanCommand({ BackupPlanId: planId }), options),
        ),
        selections(planId, signal),
      ]);
      return {
        resources,
        rules: (BackupPlan?.Rules ?? []).map((rule) => ({
          name: rule.RuleName ?? '',
          vault: rule.TargetBackupVaultName ?? '',
          copies: (rule.CopyActions ?? []).flatMap((copy) => copy.DestinationBackupVaultArn ?? []),
          deleteAfterDays: rule.Lifecycle?.DeleteAfterDays ?? null,
        })),
      };
    },
  };
}
