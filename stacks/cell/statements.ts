import { Aws } from 'aws-cdk-lib';
import { cryptography } from '../constructs/key-denials.ts';

/** An ARN of this account that no Region is part of. */
export const global = (service: string, resource: string): string =>
  `arn:${Aws.PARTITION}:${service}::${Aws.ACCOUNT_ID}:${resource}`;

/** What a silo's stack made: CloudFormation puts the stack's tags on every resource that takes tags. */
export const ofSomePractice = { Null: { 'aws:ResourceTag/lumenality:practice': 'false' } };

/** Whoever opens a window for key policies says until when (docs/cell.md); outside it nobody deploys one. */
export const keyPolicyWindow = (until: string) => ({
  open: { DateLessThan: { 'aws:CurrentTime': until } },
  closed: { DateGreaterThanEquals: { 'aws:CurrentTime': until } },
});

/** A key goes after thirty days, the longest wait there is, in which anybody entitled can still cancel. */
export const longestWait = {
  NumericGreaterThanEquals: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '30' },
};

/**
 * What neither the control plane nor the role that deploys for it may do, whatever else allows it: use a practice's key,
 * read a secret, an object, a log line or a row, or run a command beside the app. Nor do they become another role (`otherRoles`), but for
 * the one that the control plane removes silos with.
 */
export const readsOfPatientData = {
  keys: cryptography,
  others: [
    'backup:StartRestoreJob',
    'ecs:ExecuteCommand',
    'logs:FilterLogEvents',
    'logs:GetLogEvents',
    'logs:GetLogRecord',
    'logs:GetQueryResults',
    'logs:StartLiveTail',
    'logs:StartQuery',
    'rds-db:connect',
    'rds:DownloadDBLogFilePortion',
    'rds:StartExportTask',
    's3:GetObject*',
    's3:PutObject*',
    'secretsmanager:BatchGetSecretValue',
    'secretsmanager:GetSecretValue',
    'secretsmanager:PutSecretValue',
    'secretsmanager:UpdateSecret*',
  ],
} as const;

export const otherRoles = ['sts:AssumeRole'] as const;
