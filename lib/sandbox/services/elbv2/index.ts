/** Elastic Load Balancing: Application Load Balancers whose rules and health checks really work. */
import * as sdk from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Call, type Cloud, type ServiceEmulation } from '../../model.ts';
import { stopHealthChecks, watchTarget } from './health.ts';
import * as listenerOperations from './listeners.ts';
import * as balancers from './load-balancers.ts';
import {
  existing,
  listeners,
  loadBalancers,
  putTags,
  rules,
  type TargetRecord,
  tagsOfArn,
  targetGroups,
} from './records.ts';
import * as groups from './target-groups.ts';

export { resources } from './resources.ts';

function checkTaggable(arn: string, call: Call): void {
  if (arn.includes(':targetgroup/')) existing(targetGroups, arn, call);
  else if (arn.includes(':listener-rule/')) existing(rules, arn, call);
  else if (arn.includes(':listener/')) existing(listeners, arn, call);
  else if (arn.includes(':loadbalancer/')) existing(loadBalancers, arn, call);
  else throw new AwsError('ValidationError', `'${arn}' is not a valid ARN of this service`);
}

function describeTags({ ResourceArns = [] }: sdk.DescribeTagsInput, call: Call) {
  const TagDescriptions = ResourceArns.map((ResourceArn) => {
    checkTaggable(ResourceArn, call);
    return { ResourceArn, Tags: tagsOfArn(ResourceArn, call) };
  });
  return { TagDescriptions };
}

function addTags({ ResourceArns = [], Tags = [] }: sdk.AddTagsInput, call: Call) {
  const named = new Set(Tags.map((tag) => tag.Key));
  for (const arn of ResourceArns) {
    checkTaggable(arn, call);
    putTags(arn, [...tagsOfArn(arn, call).filter((tag) => !named.has(tag.Key)), ...Tags], call);
  }
  return {};
}

function removeTags({ ResourceArns = [], TagKeys = [] }: sdk.RemoveTagsInput, call: Call) {
  for (const arn of ResourceArns) {
    checkTaggable(arn, call);
    const kept = tagsOfArn(arn, call).filter((tag) => !TagKeys.includes(tag.Key ?? ''));
    putTags(arn, kept, call);
  }
  return {};
}

/** After a restart every recorded target is checked anew. */
async function resume(cloud: Cloud): Promise<void> {
  for (const [key, target] of cloud.state.table<TargetRecord>('elbv2.targets').entries()) {
    const [accountId = '', region = ''] = key.split('/');
    watchTarget(target, { cloud, accountId, region });
  }
}

export const service: ServiceEmulation = {
  signingName: 'elasticloadbalancing',
  sdk,
  resume,
  stop: stopHealthChecks,
  operations: {
    CreateLoadBalancer: (input: sdk.CreateLoadBalancerInput, call) =>
      balancers.createLoadBalancer(input, call),
    DescribeLoadBalancers: balancers.describeLoadBalancers,
    DeleteLoadBalancer: balancers.deleteLoadBalancer,
    DescribeLoadBalancerAttributes: balancers.describeAttributes,
    ModifyLoadBalancerAttributes: balancers.modifyAttributes,
    SetSecurityGroups: balancers.setSecurityGroups,
    SetSubnets: balancers.setSubnets,

    CreateListener: (input: sdk.CreateListenerInput, call) => listenerOperations.createListener(input, call),
    DescribeListeners: listenerOperations.describeListeners,
    ModifyListener: listenerOperations.modifyListener,
    DeleteListener: listenerOperations.deleteListener,
    CreateRule: (input: sdk.CreateRuleInput, call) => listenerOperations.createRule(input, call),
    DescribeRules: listenerOperations.describeRules,
    ModifyRule: listenerOperations.modifyRule,
    SetRulePriorities: listenerOperations.setRulePriorities,
    DeleteRule: listenerOperations.deleteRule,

    CreateTargetGroup: (input: sdk.CreateTargetGroupInput, call) => groups.createTargetGroup(input, call),
    DescribeTargetGroups: groups.describeTargetGroups,
    ModifyTargetGroup: groups.modifyTargetGroup,
    DeleteTargetGroup: groups.deleteTargetGroup,
    DescribeTargetGroupAttributes: groups.describeTargetGroupAttributes,
    ModifyTargetGroupAttributes: groups.modifyTargetGroupAttributes,
    RegisterTargets: groups.registerTargets,
    DeregisterTargets: groups.deregisterTargets,
    DescribeTargetHealth: groups.describeTargetHealth,

    DescribeTags: describeTags,
    AddTags: addTags,
    RemoveTags: removeTags,
  },
};
