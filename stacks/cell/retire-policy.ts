import { Aws } from 'aws-cdk-lib';
import { arnInCell } from '../constructs/practice-stack.ts';
import { allow, deny, type Statement } from '../constructs/statements.ts';
import { longestWait, otherRoles, readsOfPatientData } from './statements.ts';

/** The practice that a session was begun for: the role's trust lets in none without this tag. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of IAM's policy language.
const practiceOfSession = '${aws:PrincipalTag/lumenality:practice}';
const own = { 'aws:ResourceTag/lumenality:practice': practiceOfSession };
const ofOwnPractice = { StringEquals: own };
const taggedForOwnPractice = { 'aws:RequestTag/lumenality:practice': practiceOfSession };

/**
 * Removes what outlives the stacks of the one practice that the session is tagged with, and reads none of it. Each call is one of
 * lib/aws/silo-removal.ts or lib/aws/database-removal.ts.
 */
export function retirePolicy(): Statement[] {
  return [
    allow('TakeFinalSnapshot', ['rds:CreateDBSnapshot'], arnInCell('rds', 'db:*'), ofOwnPractice),
    // The snapshot has no tag yet. One that has another practice's cannot be tagged as this one's, and so not be removed as this one's.
    allow(
      'TagFinalSnapshot',
      ['rds:AddTagsToResource', 'rds:CreateDBSnapshot'],
      arnInCell('rds', 'snapshot:*'),
      {
        StringEquals: taggedForOwnPractice,
        StringEqualsIfExists: own,
      },
    ),
    allow(
      'RemoveDatabase',
      [
        'rds:DeleteDBInstance',
        'rds:DeleteDBParameterGroup',
        'rds:DeleteDBSnapshot',
        'rds:DeleteDBSubnetGroup',
        'rds:ModifyDBInstance',
      ],
      ['db:*', 'pg:*', 'snapshot:*', 'subgrp:*'].map((name) => arnInCell('rds', name)),
      ofOwnPractice,
    ),
    allow('LetKeyGo', ['kms:ScheduleKeyDeletion'], arnInCell('kms', 'key/*'), {
      ...ofOwnPractice,
      ...longestWait,
    }),
    allow(
      'BringKeyBack',
      ['kms:CancelKeyDeletion', 'kms:EnableKey'],
      arnInCell('kms', 'key/*'),
      ofOwnPractice,
    ),
    // The tags of a bucket count once its template switched that on ("Using tags for attribute-based access control", Amazon S3 User Guide).
    allow(
      'LetDocumentsExpire',
      ['s3:DeleteBucket', 's3:PutLifecycleConfiguration'],
      `arn:${Aws.PARTITION}:s3:::lumenality-*`,
      ofOwnPractice,
    ),
    allow(
      'ForgetLogs',
      ['logs:DeleteLogGroup'],
      [
        ...ownLogGroups(`/lumenality/${practiceOfSession}/*`),
        ...ownLogGroups(`aws-waf-logs-lumenality-${practiceOfSession}`),
        // RDS makes these, without tags, and names them after the instance, whose own name CloudFormation may shorten.
        ...ownLogGroups('/aws/rds/instance/lumenality-*'),
      ],
    ),
    allow(
      'RemoveEmptyVault',
      ['backup:DeleteBackupVault'],
      arnInCell('backup', 'backup-vault:lumenality-*'),
      ofOwnPractice,
    ),
    deny('OnlyForAPractice', ['*'], '*', { Null: { 'aws:PrincipalTag/lumenality:practice': 'true' } }),
    deny(
      'NeverReadsPatientData',
      [
        ...readsOfPatientData.keys,
        'kms:CreateGrant',
        'kms:PutKeyPolicy',
        ...readsOfPatientData.others,
        ...otherRoles,
      ],
      '*',
    ),
    deny('NeverSharesSnapshots', ['rds:ModifyDBSnapshotAttribute'], '*'),
  ];
}

const ownLogGroups = (name: string): string[] =>
  [name, `${name}:*`].map((group) => arnInCell('logs', `log-group:${group}`));
