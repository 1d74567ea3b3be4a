/** Topics, their policies and subscriptions as they are kept, and the operations that read them. Nothing is delivered. */
import type * as sdk from '@aws-sdk/client-sns';
import { recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call, type Table } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { resourcesOf, statementsOf } from '../policies.ts';

export interface TopicRecord {
  readonly arn: string;
  readonly name: string;
  readonly displayName: string;
  /** As it was given: a key's id, ARN or alias. SNS looks for the key when it publishes. */
  readonly kmsMasterKeyId?: string | undefined;
  readonly signatureVersion?: string | undefined;
  readonly tracing?: string | undefined;
  readonly policy?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly madeBy: string;
}

export interface SubscriptionRecord {
  readonly arn: string;
  readonly topicArn: string;
  readonly protocol: string;
  readonly endpoint: string;
}

const topicTable = (call: Call): Table<TopicRecord> => call.cloud.state.table('sns.topics');
const subscriptionTable = (call: Call): Table<SubscriptionRecord> =>
  call.cloud.state.table('sns.subscriptions');

export const findTopic = (arn: string, call: Call) => topicTable(call).get(recordKey(call, arn));
export const putTopic = (topic: TopicRecord, call: Call) =>
  topicTable(call).put(recordKey(call, topic.arn), topic);

export const invalidParameter = (reason: string) =>
  new AwsError('InvalidParameter', `Invalid parameter: ${reason}`);

export function existingTopic(arn: string | undefined, call: Call): TopicRecord {
  const topic = findTopic(arn ?? '', call);
  if (topic === undefined) throw new AwsError('NotFound', 'Topic does not exist', 404);
  return topic;
}

export function makeTopic(name: string, call: Call, madeBy: string): TopicRecord {
  const arn = regionalArn('sns', call, name);
  const present = findTopic(arn, call);
  if (present?.madeBy === madeBy) return present;
  if (present !== undefined) throw new AwsError('AlreadyExists', `${arn} already exists`);
  if (!/^[a-zA-Z0-9_-]{1,256}$/.test(name)) throw invalidParameter('Topic Name');
  const topic: TopicRecord = { arn, name, displayName: '', tags: {}, madeBy };
  putTopic(topic, call);
  return topic;
}

/** A topic's subscriptions go with it. */
export function eraseTopic(arn: string, call: Call): void {
  call.cloud.state.transaction(() => {
    for (const subscription of subscriptionsOf(arn, call)) eraseSubscription(subscription.arn, call);
    topicTable(call).delete(recordKey(call, arn));
  });
}

/** @throws AwsError for a document that is no policy, or that speaks of another topic. */
export function checkedPolicy(topic: TopicRecord, policy: string): string {
  const statements = statementsOf(policy, 'InvalidParameter');
  const resources = statements.flatMap(resourcesOf);
  if (!resources.every((resource) => resource === topic.arn))
    throw invalidParameter('Policy statement resource is not this topic');
  if (statements.some(({ Principal }) => Principal === undefined))
    throw invalidParameter('Policy Error: null principal');
  return policy;
}

/** What a topic has when nobody gave it a policy: its account may use it ("GetTopicAttributes"). */
const defaultPolicy = (topic: TopicRecord, call: Call) =>
  JSON.stringify({
    Version: '2008-10-17',
    Id: '__default_policy_ID',
    Statement: [
      {
        Sid: '__default_statement_ID',
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: [
          'SNS:GetTopicAttributes',
          'SNS:SetTopicAttributes',
          'SNS:AddPermission',
          'SNS:RemovePermission',
          'SNS:DeleteTopic',
          'SNS:Subscribe',
          'SNS:ListSubscriptionsByTopic',
          'SNS:Publish',
        ],
        Resource: topic.arn,
        Condition: { StringEquals: { 'AWS:SourceOwner': call.accountId } },
      },
    ],
  });

const subscriptionsOf = (topicArn: string, call: Call) =>
  subscriptionTable(call).list(recordKey(call, `${topicArn}:`));
export const findSubscription = (arn: string, call: Call) =>
  subscriptionTable(call).get(recordKey(call, arn));
export const putSubscription = (subscription: SubscriptionRecord, call: Call) =>
  subscriptionTable(call).put(recordKey(call, subscription.arn), subscription);
export const eraseSubscription = (arn: string, call: Call) =>
  subscriptionTable(call).delete(recordKey(call, arn));

function getTopicAttributes({ TopicArn }: sdk.GetTopicAttributesInput, call: Call) {
  const topic = existingTopic(TopicArn, call);
  const Attributes: Record<string, string> = {
    TopicArn: topic.arn,
    Owner: call.accountId,
    DisplayName: topic.displayName,
    Policy: topic.policy ?? defaultPolicy(topic, call),
    // Nobody here reads the mail that asks for a confirmation.
    SubscriptionsConfirmed: '0',
    SubscriptionsPending: String(subscriptionsOf(topic.arn, call).length),
    SubscriptionsDeleted: '0',
    ...(topic.kmsMasterKeyId !== undefined && { KmsMasterKeyId: topic.kmsMasterKeyId }),
    ...(topic.signatureVersion !== undefined && { SignatureVersion: topic.signatureVersion }),
    ...(topic.tracing !== undefined && { TracingConfig: topic.tracing }),
  };
  return { Attributes };
}

const page = (NextToken: string | undefined) => ({
  marker: NextToken,
  limit: 100,
  invalidMarkerCode: 'InvalidParameter',
});

function listTopics({ NextToken }: sdk.ListTopicsInput, call: Call) {
  const { items, next } = pageOf(topicTable(call).list(recordKey(call)), {
    keyOf: (topic) => topic.arn,
    ...page(NextToken),
  });
  return { Topics: items.map(({ arn }) => ({ TopicArn: arn })), NextToken: next };
}

function listSubscriptionsByTopic(input: sdk.ListSubscriptionsByTopicInput, call: Call) {
  const { items, next } = pageOf(subscriptionsOf(existingTopic(input.TopicArn, call).arn, call), {
    keyOf: (subscription) => subscription.arn,
    ...page(input.NextToken),
  });
  const Subscriptions = items.map((subscription) => ({
    SubscriptionArn: 'PendingConfirmation',
    Owner: call.accountId,
    Protocol: subscription.protocol,
    Endpoint: subscription.endpoint,
    TopicArn: subscription.topicArn,
  }));
  return { Subscriptions, NextToken: next };
}

/** An empty value puts the attribute back to what it is without one. */
function setTopicAttributes(input: sdk.SetTopicAttributesInput, call: Call): void {
  const topic = existingTopic(input.TopicArn, call);
  const value = input.AttributeValue === '' ? undefined : input.AttributeValue;
  switch (input.AttributeName) {
    case 'DisplayName':
      return putTopic({ ...topic, displayName: value ?? '' }, call);
    case 'KmsMasterKeyId':
      return putTopic({ ...topic, kmsMasterKeyId: value }, call);
    case 'Policy':
      return putTopic({ ...topic, policy: value && checkedPolicy(topic, value) }, call);
    case undefined:
    default:
      throw invalidParameter(`AttributeName: the sandbox does not set ${input.AttributeName}`);
  }
}

function listTagsForResource({ ResourceArn }: sdk.ListTagsForResourceRequest, call: Call) {
  const Tags = Object.entries(existingTopic(ResourceArn, call).tags).map(([Key, Value]) => ({ Key, Value }));
  return { Tags };
}

export const topicOperations = {
  GetTopicAttributes: getTopicAttributes,
  SetTopicAttributes: setTopicAttributes,
  /** Deleting what is not there succeeds, as on AWS. */
  DeleteTopic: ({ TopicArn = '' }: sdk.DeleteTopicInput, call: Call): void => eraseTopic(TopicArn, call),
  Unsubscribe: ({ SubscriptionArn = '' }: sdk.UnsubscribeInput, call: Call): void =>
    eraseSubscription(SubscriptionArn, call),
  ListTopics: listTopics,
  ListSubscriptionsByTopic: listSubscriptionsByTopic,
  ListTagsForResource: listTagsForResource,
};
