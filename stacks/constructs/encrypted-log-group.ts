import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { PracticeKey } from './practice-key.ts';
import { retain } from './retain.ts';

export interface EncryptedLogGroupProps {
  /** Under `/lumenality/<practice id>/`: the key's policy lets CloudWatch Logs use it for those names only. */
  readonly name: string;
  readonly key: PracticeKey;
  /** One of the periods that CloudWatch Logs offers, in days. */
  readonly retentionDays: number;
}

/** A log group under the practice's key that outlives its stack: logs are evidence. */
export class EncryptedLogGroup extends Construct {
  readonly name: string;
  readonly arn: string;

  constructor(scope: Construct, id: string, props: EncryptedLogGroupProps) {
    super(scope, id);
    const group = new CfnLogGroup(this, 'Resource', {
      logGroupName: props.name,
      kmsKeyId: props.key.arn,
      retentionInDays: props.retentionDays,
    });
    retain(group);
    this.name = group.ref;
    this.arn = group.attrArn;
  }
}
