import {
  ApplicationAutoScalingClient,
  DescribeScalableTargetsCommand,
  DescribeScalingPoliciesCommand,
} from '@aws-sdk/client-application-auto-scaling';
import { CloudWatchClient, DescribeAlarmsCommand, GetDashboardCommand } from '@aws-sdk/client-cloudwatch';
import { CreateClusterCommand, CreateServiceCommand } from '@aws-sdk/client-ecs';
import {
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  SetTopicAttributesCommand,
  SNSClient,
} from '@aws-sdk/client-sns';
import {
  computeClients,
  goodImage,
  newTaskDefinition,
  newTaskRole,
  newVpc,
} from './fixtures/services-compute-cloud.ts';
import {
  createResource,
  handlerOf,
  refusal,
  resourceContext,
  TestCloud,
} from './fixtures/services-data-cloud.ts';

type Properties = Record<string, unknown>;

describe('what watches and scales a silo, in the sandbox', () => {
  let cloud: TestCloud;
  const options = () => cloud.options();

  beforeAll(async () => {
    cloud = await new TestCloud().start();
  });
  afterAll(() => cloud.stop());

  const create = (type: string, logicalId: string, properties: Properties) =>
    createResource(cloud, type, logicalId, properties);
  const remove = async (type: string, id: string, properties: Properties = {}) =>
    handlerOf(type).delete(id, properties, resourceContext(cloud, 'Removed'));

  test('a topic has its key, its policy and its subscribers', async () => {
    const sns = new SNSClient(options());
    const made = await create('AWS::SNS::Topic', 'Alarms', {
      DisplayName: 'Alarms of maple',
      KmsMasterKeyId: 'arn:aws:kms:us-east-1:111122223333:key/1',
    });
    const TopicArn = made.physicalId;
    const policyOf = (Resource: string) => ({
      Topics: [TopicArn],
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: 'sns:Publish',
            Resource,
          },
        ],
      },
    });
    const attributes = async () =>
      (await sns.send(new GetTopicAttributesCommand({ TopicArn }))).Attributes ?? {};
    expect((await attributes())['Policy']).toContain('__default_statement_ID');
    const policy = policyOf(TopicArn);
    const { physicalId } = await create('AWS::SNS::TopicPolicy', 'Policy', policy);
    await create('AWS::SNS::Subscription', 'Email', {
      TopicArn,
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    });
    expect(await attributes()).toMatchObject({
      DisplayName: 'Alarms of maple',
      KmsMasterKeyId: 'arn:aws:kms:us-east-1:111122223333:key/1',
      Policy: JSON.stringify(policy.PolicyDocument),
      SubscriptionsPending: '1',
    });
    const { Subscriptions } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
    expect(Subscriptions).toMatchObject([
      { SubscriptionArn: 'PendingConfirmation', Endpoint: 'ops@example.com' },
    ]);
    expect(
      (
        await refusal(
          create('AWS::SNS::TopicPolicy', 'Other', policyOf('arn:aws:sns:us-east-1:111122223333:x')),
        )
      ).message,
    ).toContain('not this topic');
    const nobody = { TopicArn, Protocol: 'email', Endpoint: 'nobody' };
    expect((await refusal(create('AWS::SNS::Subscription', 'Nobody', nobody))).message).toContain("'nobody'");
    const live = (type: string, id: string, properties: Properties = {}) =>
      handlerOf(type).read?.(id, properties, resourceContext(cloud, 'Live'));
    expect(await live('AWS::SNS::TopicPolicy', physicalId, policy)).toEqual(policy);
    const set = (AttributeName: string) =>
      sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName, AttributeValue: '' }));
    await set('KmsMasterKeyId');
    await set('Policy');
    expect(await live('AWS::SNS::TopicPolicy', physicalId, policy)).toBeUndefined();
    expect((await live('AWS::SNS::Topic', TopicArn))?.['KmsMasterKeyId']).toBeUndefined();
    await remove('AWS::SNS::TopicPolicy', physicalId, policy);
    expect((await attributes())['Policy']).toContain('__default_statement_ID');
    await remove('AWS::SNS::Topic', TopicArn);
    expect((await refusal(attributes())).name).toBe('NotFoundException');
  });

  const alarm: Properties = {
    Namespace: 'AWS/RDS',
    MetricName: 'FreeStorageSpace',
    Dimensions: [{ Name: 'DBInstanceIdentifier', Value: 'maple' }],
    Statistic: 'Minimum',
    ComparisonOperator: 'LessThanThreshold',
    Threshold: '2147483648',
    Period: 300,
    EvaluationPeriods: 3,
    DatapointsToAlarm: 2,
    TreatMissingData: 'breaching',
    AlarmActions: ['arn:aws:sns:us-east-1:111122223333:alarms'],
  };

  test('an alarm is described as the template has it, and has no data', async () => {
    const watch = new CloudWatchClient(options());
    const made = await create('AWS::CloudWatch::Alarm', 'Storage', alarm);
    const AlarmNames = [made.physicalId];
    const described = async () =>
      (await watch.send(new DescribeAlarmsCommand({ AlarmNames }))).MetricAlarms?.[0];
    expect(await described()).toMatchObject({
      ...alarm,
      Threshold: 2_147_483_648,
      AlarmArn: made.attributes['Arn'],
      ActionsEnabled: true,
      StateValue: 'INSUFFICIENT_DATA',
    });
    await create('AWS::CloudWatch::Alarm', 'Silent', { ...alarm, AlarmActions: [] });
    expect((await watch.send(new DescribeAlarmsCommand({}))).MetricAlarms).toHaveLength(2);
    await remove('AWS::CloudWatch::Alarm', made.physicalId);
    expect(await described()).toBeUndefined();
  });

  test.each([
    ['more datapoints than periods', { DatapointsToAlarm: 4 }, 'DatapointsToAlarm'],
    ['two statistics', { ExtendedStatistic: 'p95' }, 'Exactly one of Statistic'],
    ['a period that CloudWatch has not', { Period: 90 }, 'multiple of 60'],
    ['a look back of more than a day', { EvaluationPeriods: 289 }, 'more than 1 day'],
    ['an action that is no ARN', { AlarmActions: ['alarms'] }, 'is not an ARN'],
  ])('an alarm is refused with %s', async (_case, change, reason) => {
    const { message } = await refusal(create('AWS::CloudWatch::Alarm', 'Refused', { ...alarm, ...change }));
    expect(message).toContain(reason);
  });

  test('a dashboard has a body that CloudWatch could draw', async () => {
    const watch = new CloudWatchClient(options());
    const dashboard = (DashboardBody: string) =>
      create('AWS::CloudWatch::Dashboard', 'Dashboard', { DashboardName: 'maple', DashboardBody });
    expect((await refusal(dashboard('{'))).message).toContain('must be a valid JSON object');
    expect((await refusal(dashboard('{"widgets":[{"type":"film"}]}'))).message).toContain('/widgets/0');
    const body = '{"widgets":[{"type":"text","properties":{"markdown":"maple"}}]}';
    await dashboard(body);
    const read = await watch.send(new GetDashboardCommand({ DashboardName: 'maple' }));
    expect(read).toMatchObject({ DashboardBody: body });
  });

  test('a service scales between bounds, once it exists', async () => {
    const scaling = new ApplicationAutoScalingClient(options());
    const clients = computeClients(cloud.sandbox.endpoint, '111122223333');
    const target: Properties = {
      ServiceNamespace: 'ecs',
      ScalableDimension: 'ecs:service:DesiredCount',
      ResourceId: 'service/maple/app',
      MinCapacity: 1,
      MaxCapacity: '3',
    };
    const register = (change: Properties = {}) =>
      create('AWS::ApplicationAutoScaling::ScalableTarget', 'Target', { ...target, ...change });
    expect((await refusal(register())).message).toContain("doesn't exist: service/maple/app");

    const { subnetIds } = await newVpc(clients);
    await clients.ecs.send(new CreateClusterCommand({ clusterName: 'maple' }));
    await clients.ecs.send(
      new CreateServiceCommand({
        cluster: 'maple',
        serviceName: 'app',
        desiredCount: 0,
        launchType: 'FARGATE',
        taskDefinition: await newTaskDefinition(clients, await newTaskRole(clients, 'app'), goodImage),
        networkConfiguration: { awsvpcConfiguration: { subnets: subnetIds } },
      }),
    );
    expect((await refusal(register({ MinCapacity: 4 }))).message).toContain('less than minimum');
    const { physicalId: ScalingTargetId } = await register();
    const policy = (change: Properties = {}) =>
      create('AWS::ApplicationAutoScaling::ScalingPolicy', 'Cpu', {
        PolicyName: 'cpu',
        PolicyType: 'TargetTrackingScaling',
        ScalingTargetId,
        TargetTrackingScalingPolicyConfiguration: {
          PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
          TargetValue: 60,
        },
        ...change,
      });
    expect((await refusal(policy({ ScalingTargetId: 'service/maple/other|x|ecs' }))).message).toContain(
      'No scalable target',
    );
    await policy();
    const targets = async () => {
      const asked = new DescribeScalableTargetsCommand({ ServiceNamespace: 'ecs' });
      return (await scaling.send(asked)).ScalableTargets;
    };
    expect(await targets()).toMatchObject([
      { ResourceId: 'service/maple/app', MinCapacity: 1, MaxCapacity: 3 },
    ]);
    const policies = async () => {
      const asked = new DescribeScalingPoliciesCommand({ ServiceNamespace: 'ecs' });
      return (await scaling.send(asked)).ScalingPolicies;
    };
    expect(await policies()).toMatchObject([{ PolicyName: 'cpu', ResourceId: 'service/maple/app' }]);
    await remove('AWS::ApplicationAutoScaling::ScalableTarget', ScalingTargetId);
    expect([await targets(), await policies()]).toEqual([[], []]);
  });
});
