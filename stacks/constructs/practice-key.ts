import { Aws } from 'aws-cdk-lib';
import { CfnAlias, CfnKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { cellRoleArn } from './cell-names.ts';
import { cellNeverUses } from './key-denials.ts';
import { accountRoot, arnInCell, rolePath } from './practice-stack.ts';
import { retain } from './retain.ts';

export interface PracticeKeyProps {
  readonly practiceId: string;
  /** The practice's VPC: its roles use the key from there, or through an AWS service, and from nowhere else. */
  readonly vpcId: string;
}

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

/** Services that keep the practice's data under its key: what they decrypt for the deploy role, they do not hand to it. */
const keepers = ['backup', 'rds', 'secretsmanager'];

/**
 * The one key of a practice. The account administers it but cannot decrypt with it: the practice's own roles can from
 * inside their VPC, the services that keep the practice's data can on their behalf, and CloudWatch for the practice's
 * logs and alarms. The control plane is denied, and the role that deploys is denied all but those services' own use.
 */
export class PracticeKey extends Construct {
  readonly arn: string;
  readonly resource: CfnKey;

  constructor(scope: Construct, id: string, props: PracticeKeyProps) {
    super(scope, id);
    this.resource = new CfnKey(this, 'Resource', {
      description: `Encrypts everything that practice ${props.practiceId} keeps`,
      // Cannot be changed later. A replica in the Region of the second copies can then be made when it is wanted.
      multiRegion: true,
      enableKeyRotation: true,
      rotationPeriodInDays: 365,
      pendingWindowInDays: 30,
      // KMS asks of whoever makes a key that it may change the policy afterwards, by its own IAM policies too ("Default key policy",
      // lockout safety check). The deploy role may not, on purpose; the account's administrators can, by the first statement.
      bypassPolicyLockoutSafetyCheck: true,
      keyPolicy: {
        Version: '2012-10-17',
        Statement: [...allowances(props), ...denials()],
      },
    });
    // A key is lost for ever; only the roll-back of its own creation, when nothing is encrypted yet, may remove it.
    retain(this.resource);
    this.arn = this.resource.attrArn;
    new CfnAlias(this, 'Alias', {
      aliasName: `alias/lumenality/${props.practiceId}`,
      targetKeyId: this.resource.ref,
    });
  }
}

const through = (services: readonly string[]): string[] =>
  services.map((service) => `${service}.${Aws.REGION}.amazonaws.com`);

function allowances({ practiceId, vpcId }: PracticeKeyProps): object[] {
  const practiceRoles = `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role${rolePath(practiceId)}*`;
  const serviceRoles = [
    'backup.amazonaws.com/AWSServiceRoleForBackup',
    'rds.amazonaws.com/AWSServiceRoleForRDS',
  ].map((role) => `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/aws-service-role/${role}`);
  const forKeepers = {
    ArnLike: { 'aws:PrincipalArn': [practiceRoles, cellRoleArn('deploy'), ...serviceRoles] },
  };
  return [
    {
      Sid: 'AccountAdministers',
      Effect: 'Allow',
      Principal: { AWS: accountRoot },
      Action: administer,
      Resource: '*',
    },
    {
      // Credentials of a role that were carried out of the VPC decrypt nothing.
      Sid: 'PracticeRolesUseInVpc',
      Effect: 'Allow',
      Principal: { AWS: accountRoot },
      Action: use,
      Resource: '*',
      Condition: {
        ArnLike: { 'aws:PrincipalArn': practiceRoles },
        StringEquals: { 'aws:SourceVpc': vpcId },
      },
    },
    {
      // What a service asks on a role's behalf does not say which VPC the role called from.
      Sid: 'PracticeRolesUseThroughServices',
      Effect: 'Allow',
      Principal: { AWS: accountRoot },
      Action: use,
      Resource: '*',
      Condition: {
        ArnLike: { 'aws:PrincipalArn': practiceRoles },
        StringEquals: { 'kms:ViaService': through([...keepers, 's3']) },
      },
    },
    {
      // "Permissions required" of "Password management with Amazon RDS and AWS Secrets Manager" and of "Create a backup
      // vault": whoever makes the database and the vault must be able to use the key through the service.
      Sid: 'KeepersUse',
      Effect: 'Allow',
      Principal: { AWS: accountRoot },
      Action: [...use, 'kms:RetireGrant'],
      Resource: '*',
      Condition: { ...forKeepers, StringEquals: { 'kms:ViaService': through(keepers) } },
    },
    {
      Sid: 'KeepersGetGrants',
      Effect: 'Allow',
      Principal: { AWS: accountRoot },
      Action: 'kms:CreateGrant',
      Resource: '*',
      Condition: {
        ...forKeepers,
        StringEquals: { 'kms:ViaService': through(keepers) },
        Bool: { 'kms:GrantIsForAWSResource': 'true' },
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
          'kms:EncryptionContext:aws:logs:arn': [
            arnInCell('logs', `log-group:/lumenality/${practiceId}/*`),
            arnInCell('logs', `log-group:${webLogGroupName(practiceId)}`),
          ],
        },
      },
    },
    {
      // "Enable compatibility between event sources from AWS services and encrypted topics" (Amazon SNS Developer Guide).
      Sid: 'PracticeAlarmsUse',
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      Resource: '*',
      Condition: alarmsOf(practiceId),
    },
  ];
}

function denials(): object[] {
  return [
    ...cellNeverUses(through(keepers)),
    {
      Sid: 'DeploymentGrantsToServicesOnly',
      Effect: 'Deny',
      Principal: '*',
      Action: 'kms:CreateGrant',
      Resource: '*',
      Condition: {
        ArnEquals: { 'aws:PrincipalArn': cellRoleArn('deploy') },
        BoolIfExists: { 'kms:GrantIsForAWSResource': 'false' },
      },
    },
  ];
}

/** AWS WAF writes to log groups whose name starts with `aws-waf-logs-` only ("Sending logs to CloudWatch Logs"). */
export function webLogGroupName(practiceId: string): string {
  return `aws-waf-logs-lumenality-${practiceId}`;
}

/**
 * Logical ids of the service stack's alarms, as their names have them. Named, because practice ids may hold any word: of practice
 * `sunrise-data`, every alarm's name begins like one of a stack of practice `sunrise`.
 */
const alarmIds = ['Alarms', 'ServiceErrors'];

/** The condition under which a CloudWatch alarm of this practice acts, and no other's. */
export function alarmsOf(practiceId: string): object {
  return {
    StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
    ArnLike: {
      'aws:SourceArn': alarmIds.map((id) =>
        arnInCell('cloudwatch', `alarm:lumenality-${practiceId}-service-${id}*`),
      ),
    },
  };
}
