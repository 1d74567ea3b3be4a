/** Topics, their policies and subscriptions in CloudFormation. Recorded: nothing is published to them. */
import { generatedName, generatedUuid } from '../../identifiers.ts';
import { AwsError, type ResourceContext, type ResourceHandler, type ResourceOutcome } from '../../model.ts';
import { listOf, tagsAsList, tagsOf, textOf } from '../properties.ts';
import {
  checkedPolicy,
  eraseSubscription,
  eraseTopic,
  existingTopic,
  findSubscription,
  findTopic,
  invalidParameter,
  makeTopic,
  putSubscription,
  putTopic,
} from './topics.ts';

type Properties = Record<string, unknown>;

function refuseOthers(p: Properties, type: string, emulated: readonly string[]): void {
  const asked = Object.keys(p).find((name) => !emulated.includes(name));
  if (asked !== undefined)
    throw new AwsError('InvalidParameter', `The sandbox does not emulate ${asked} of ${type}: leave it out.`);
}

const topicProperties = [
  'TopicName',
  'DisplayName',
  'KmsMasterKeyId',
  'SignatureVersion',
  'TracingConfig',
  'Tags',
];

function settle(arn: string, p: Properties, c: ResourceContext): ResourceOutcome {
  refuseOthers(p, 'AWS::SNS::Topic', topicProperties);
  const displayName = textOf(p['DisplayName']) ?? '';
  if (displayName.length > 100) throw invalidParameter('DisplayName');
  const topic = existingTopic(arn, c);
  putTopic(
    {
      ...topic,
      displayName,
      kmsMasterKeyId: textOf(p['KmsMasterKeyId']),
      signatureVersion: textOf(p['SignatureVersion']),
      tracing: textOf(p['TracingConfig']),
      tags: tagsOf(p, c),
    },
    c,
  );
  return { physicalId: arn, attributes: { TopicArn: arn, TopicName: topic.name } };
}

const topic: ResourceHandler = {
  type: 'AWS::SNS::Topic',
  fidelity: 'recorded',
  create: (p, c) =>
    c.cloud.state.transaction(() =>
      settle(makeTopic(textOf(p['TopicName']) ?? generatedName(c, 256), c, c.token).arn, p, c),
    ),
  update: (arn, p, _previous, c) => settle(arn, p, c),
  read(arn, _p, c) {
    const live = findTopic(arn, c);
    return Promise.resolve(
      live && {
        TopicName: live.name,
        DisplayName: live.displayName,
        KmsMasterKeyId: live.kmsMasterKeyId,
        SignatureVersion: live.signatureVersion,
        TracingConfig: live.tracing,
        Tags: tagsAsList(live.tags),
      },
    );
  },
  delete: (arn, _p, c) => eraseTopic(arn, c),
};

/** The policy of each topic, one statement of ownership: a topic that is named no more gets its default back. */
function putPolicies(p: Properties, previous: Properties, c: ResourceContext): void {
  const wanted = listOf(p['Topics']);
  const document = textOf(p['PolicyDocument']) ?? '';
  c.cloud.state.transaction(() => {
    for (const arn of wanted) {
      const record = existingTopic(arn, c);
      putTopic({ ...record, policy: checkedPolicy(record, document) }, c);
    }
    dropPolicies(
      listOf(previous['Topics']).filter((arn) => !wanted.includes(arn)),
      c,
    );
  });
}

function dropPolicies(arns: readonly string[], c: ResourceContext): void {
  for (const arn of arns) {
    const record = findTopic(arn, c);
    if (record !== undefined) putTopic({ ...record, policy: undefined }, c);
  }
}

const topicPolicy: ResourceHandler = {
  type: 'AWS::SNS::TopicPolicy',
  fidelity: 'recorded',
  create(p, c) {
    putPolicies(p, {}, c);
    const Id = generatedName(c, 128);
    return { physicalId: Id, attributes: { Id } };
  },
  update(physicalId, p, previous, c) {
    putPolicies(p, previous, c);
    return { physicalId, attributes: { Id: physicalId } };
  },
  read(_physicalId, p, c) {
    const policies = listOf(p['Topics']).map((arn) => findTopic(arn, c)?.policy);
    const [policy] = policies;
    // One policy for all of its topics: where they differ, there is none that could be told.
    const isOne = policy !== undefined && policies.every((one) => one === policy);
    return Promise.resolve(
      isOne ? { Topics: p['Topics'], PolicyDocument: JSON.parse(policy) as unknown } : undefined,
    );
  },
  delete: (_physicalId, p, c) => dropPolicies(listOf(p['Topics']), c),
};

const endpoints: Readonly<Record<string, RegExp>> = {
  email: /^[^@\s]+@[^@\s]+\.[^@\s]+$/,
  'email-json': /^[^@\s]+@[^@\s]+\.[^@\s]+$/,
  https: /^https:\/\/.+/,
};

const subscription: ResourceHandler = {
  type: 'AWS::SNS::Subscription',
  fidelity: 'recorded',
  create(p, c) {
    refuseOthers(p, 'AWS::SNS::Subscription', ['TopicArn', 'Protocol', 'Endpoint']);
    const topicArn = existingTopic(textOf(p['TopicArn']), c).arn;
    const protocol = textOf(p['Protocol']) ?? '';
    const endpoint = textOf(p['Endpoint']) ?? '';
    const form = endpoints[protocol];
    if (form === undefined)
      throw invalidParameter(
        `The sandbox subscribes ${Object.keys(endpoints).join(', ')}, not '${protocol}'`,
      );
    if (!form.test(endpoint)) throw invalidParameter(`Endpoint '${endpoint}' for protocol ${protocol}`);
    const arn = `${topicArn}:${generatedUuid(c.token, 'sns-subscription')}`;
    if (findSubscription(arn, c) === undefined) putSubscription({ arn, topicArn, protocol, endpoint }, c);
    return { physicalId: arn, attributes: { Arn: arn } };
  },
  update: (physicalId) => ({ physicalId, attributes: { Arn: physicalId } }),
  read(arn, _p, c) {
    const live = findSubscription(arn, c);
    return Promise.resolve(
      live && { TopicArn: live.topicArn, Protocol: live.protocol, Endpoint: live.endpoint },
    );
  },
  delete: (arn, _p, c) => eraseSubscription(arn, c),
};

export const resources: readonly ResourceHandler[] = [topic, topicPolicy, subscription];
