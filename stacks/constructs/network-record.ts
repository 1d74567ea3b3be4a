import { Aws } from 'aws-cdk-lib';
import { CfnFlowLog } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { EncryptedLogGroup } from './encrypted-log-group.ts';
import { accessRecordDays } from './practice-bucket.ts';
import type { PracticeKey } from './practice-key.ts';
import { arnInCell } from './practice-stack.ts';
import { ScopedRole } from './scoped-role.ts';

export interface NetworkRecordProps {
  readonly practiceId: string;
  readonly vpcId: string;
  readonly key: PracticeKey;
}

/** Every connection that was tried in the VPC, accepted or refused, in a log group under the practice's key. */
export class NetworkRecord extends Construct {
  constructor(scope: Construct, id: string, props: NetworkRecordProps) {
    super(scope, id);
    const group = new EncryptedLogGroup(this, 'LogGroup', {
      name: `/lumenality/${props.practiceId}/network`,
      key: props.key,
      retentionDays: accessRecordDays,
    });
    const role = new ScopedRole(this, 'Role', {
      practiceId: props.practiceId,
      description: 'Lets VPC flow logs write to this log group',
      service: 'vpc-flow-logs.amazonaws.com',
      // "IAM role for publishing flow logs to CloudWatch Logs": against a confused deputy.
      trustCondition: {
        StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
        ArnLike: { 'aws:SourceArn': arnInCell('ec2', 'vpc-flow-log/*') },
      },
      statements: [
        {
          Effect: 'Allow',
          Action: ['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
          Resource: group.arn,
        },
      ],
    });
    new CfnFlowLog(this, 'FlowLog', {
      resourceType: 'VPC',
      resourceId: props.vpcId,
      trafficType: 'ALL',
      maxAggregationInterval: 60,
      logDestinationType: 'cloud-watch-logs',
      logGroupName: group.name,
      deliverLogsPermissionArn: role.arn,
    });
  }
}
