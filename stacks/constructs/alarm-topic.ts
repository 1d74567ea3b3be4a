import { Aws, CfnCondition, Fn } from 'aws-cdk-lib';
import { CfnSubscription, CfnTopic, CfnTopicPolicy } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { alarmsOf } from './practice-key.ts';

export interface AlarmTopicProps {
  readonly practiceId: string;
  readonly keyArn: string;
  /** Empty: nobody is told by e-mail. */
  readonly email: string;
}

/** Where the practice's alarms go, under its key. An alarm names a metric and a threshold, never a person. */
export class AlarmTopic extends Construct {
  readonly arn: string;
  /** What always exists of it; the subscription does not. */
  readonly policy: CfnTopicPolicy;

  constructor(scope: Construct, id: string, { practiceId, keyArn, email }: AlarmTopicProps) {
    super(scope, id);
    const topic = new CfnTopic(this, 'Resource', {
      displayName: `Lumenality alarms of ${practiceId}`,
      kmsMasterKeyId: keyArn,
    });
    this.arn = topic.ref;
    this.policy = new CfnTopicPolicy(this, 'Policy', {
      topics: [this.arn],
      policyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'PracticeAlarmsPublish',
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: 'sns:Publish',
            Resource: this.arn,
            Condition: alarmsOf(practiceId),
          },
          {
            Sid: 'TlsOnly',
            Effect: 'Deny',
            Principal: '*',
            Action: 'sns:Publish',
            Resource: this.arn,
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
          {
            Sid: 'OwnAccountOnly',
            Effect: 'Deny',
            Principal: '*',
            Action: ['sns:Publish', 'sns:Subscribe'],
            Resource: this.arn,
            Condition: {
              StringNotEquals: { 'aws:PrincipalAccount': Aws.ACCOUNT_ID },
              BoolIfExists: { 'aws:PrincipalIsAWSService': 'false' },
            },
          },
        ],
      },
    });
    const told = new CfnCondition(this, 'SomebodyIsTold', {
      expression: Fn.conditionNot(Fn.conditionEquals(email, '')),
    });
    const subscription = new CfnSubscription(this, 'Email', {
      topicArn: this.arn,
      protocol: 'email',
      endpoint: email,
    });
    subscription.cfnOptions.condition = told;
  }
}
