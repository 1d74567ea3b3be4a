import { Aws, CfnDeletionPolicy } from 'aws-cdk-lib';
import { CfnAlias, CfnKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { accountRoot, arnInCell, rolePath } from './practice-stack.ts';

const use = ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'];

/** "Key administrators" of "Default key policy" (AWS KMS Developer Guide), without what would lead to use of the key: no CreateGrant. */
const administer = [
  'kms:CreateAlias',
  'kms:Describe*',
  'kms:Enable*',
  'kms:List*',
  'kms:Put*',
  'kms:Update*',
  'kms:Revoke*',
  'kms:Disable*',
  'kms:Get*',
  'kms:Delete*',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:ScheduleKeyDeletion',
  'kms:CancelKeyDeletion',
  'kms:RotateKeyOnDemand',
];

/**
 * The one key of a practice. The account administers it but cannot decrypt with it: only the practice's own roles,
 * RDS and Secrets Manager on behalf of this account, and CloudWatch Logs for the practice's log groups can.
 */
export class PracticeKey extends Construct {
  readonly arn: string;
  readonly resource: CfnKey;

  constructor(scope: Construct, id: string, practiceId: string) {
    super(scope, id);
    this.resource = new CfnKey(this, 'Resource', {
      description: `Encrypts everything that practice ${practiceId} keeps`,
      enableKeyRotation: true,
      rotationPeriodInDays: 365,
      pendingWindowInDays: 30,
      keyPolicy: keyPolicy(practiceId),
    });
    // A key is lost for ever; only the roll-back of its own creation, when nothing is encrypted yet, may remove it.
    this.resource.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
    this.resource.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
    this.arn = this.resource.attrArn;
    new CfnAlias(this, 'Alias', {
      aliasName: `alias/lumenality/${practiceId}`,
      targetKeyId: this.resource.ref,
    });
  }
}

function keyPolicy(practiceId: string): object {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'AccountAdministers',
        Effect: 'Allow',
        Principal: { AWS: accountRoot },
        Action: administer,
        Resource: '*',
      },
      {
        Sid: 'PracticeRolesUse',
        Effect: 'Allow',
        Principal: { AWS: accountRoot },
        Action: use,
        Resource: '*',
        Condition: {
          ArnLike: {
            'aws:PrincipalArn': `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role${rolePath(practiceId)}*`,
          },
        },
      },
      {
        Sid: 'DatabaseAndSecretUse',
        Effect: 'Allow',
        Principal: { AWS: accountRoot },
        Action: [...use, 'kms:CreateGrant'],
        Resource: '*',
        Condition: {
          StringEquals: {
            'kms:CallerAccount': Aws.ACCOUNT_ID,
            'kms:ViaService': [
              `rds.${Aws.REGION}.amazonaws.com`,
              `secretsmanager.${Aws.REGION}.amazonaws.com`,
            ],
          },
        },
      },
      {
        Sid: 'PracticeLogsUse',
        Effect: 'Allow',
        Principal: { Service: `logs.${Aws.REGION}.amazonaws.com` },
        Action: use,
        Resource: '*',
        Condition: {
          ArnLike: {
            'kms:EncryptionContext:aws:logs:arn': arnInCell('logs', `log-group:/lumenality/${practiceId}/*`),
          },
        },
      },
    ],
  };
}
