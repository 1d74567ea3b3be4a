/** Load balancers, listeners, rules and target groups in CloudFormation. */
import type * as sdk from '@aws-sdk/client-elastic-load-balancing-v2';
import { generatedName } from '../../identifiers.ts';
import type { ResourceContext, ResourceHandler } from '../../model.ts';
import { listOf, numberOf, tagListOf, textOf } from '../properties.ts';
import * as listenerOperations from './listeners.ts';
import { liveListener, liveLoadBalancer, liveRule, liveTargetGroup } from './live-properties.ts';
import * as balancers from './load-balancers.ts';
import {
  existing,
  find,
  listeners,
  loadBalancers,
  loadBalancersUsing,
  putTags,
  rules,
  targetGroups,
} from './records.ts';
import * as groups from './target-groups.ts';

type Properties = Record<string, unknown>;

const attributesOf = (p: Properties, name: string) => listOf<sdk.LoadBalancerAttribute>(p[name]);

/** Hyphens at the ends of a generated name are refused by the API. */
function nameOf(p: Properties, c: ResourceContext): string {
  return textOf(p['Name']) ?? generatedName(c, 32).replace(/^-+/, '');
}

function loadBalancerOutcome(arn: string, c: ResourceContext) {
  const record = existing(loadBalancers, arn, c);
  return {
    physicalId: arn,
    attributes: {
      LoadBalancerArn: arn,
      LoadBalancerName: record.LoadBalancerName,
      LoadBalancerFullName: balancers.fullNameOf(arn),
      DNSName: record.DNSName,
      CanonicalHostedZoneID: record.CanonicalHostedZoneId,
      SecurityGroups: record.SecurityGroups,
    },
  };
}

const subnetsOf = (p: Properties) => [
  ...listOf(p['Subnets']),
  ...listOf<{ SubnetId: string }>(p['SubnetMappings']).map((mapping) => mapping.SubnetId),
];

const loadBalancer: ResourceHandler = {
  type: 'AWS::ElasticLoadBalancingV2::LoadBalancer',
  fidelity: 'behaves',
  create(p, c) {
    const input = {
      Name: nameOf(p, c),
      Subnets: subnetsOf(p),
      SecurityGroups: listOf(p['SecurityGroups']),
      Scheme: p['Scheme'] as sdk.LoadBalancerSchemeEnum | undefined,
      Type: p['Type'] as sdk.LoadBalancerTypeEnum | undefined,
      IpAddressType: p['IpAddressType'] as sdk.IpAddressType | undefined,
      Tags: tagListOf(p, c),
    };
    const arn = balancers.createLoadBalancer(input, c, c.token).LoadBalancers[0]?.LoadBalancerArn ?? '';
    c.initiated?.(arn);
    balancers.resetAttributes(arn, attributesOf(p, 'LoadBalancerAttributes'), c);
    return loadBalancerOutcome(arn, c);
  },
  update(arn, p, _previous, c) {
    balancers.setSubnets({ LoadBalancerArn: arn, Subnets: subnetsOf(p) }, c);
    balancers.setSecurityGroups({ LoadBalancerArn: arn, SecurityGroups: listOf(p['SecurityGroups']) }, c);
    balancers.resetAttributes(arn, attributesOf(p, 'LoadBalancerAttributes'), c);
    putTags(arn, tagListOf(p, c), c);
    return loadBalancerOutcome(arn, c);
  },
  read: (arn, p, c) => Promise.resolve(liveLoadBalancer(arn, p, c)),
  delete: (arn, _p, c) => void balancers.deleteLoadBalancer({ LoadBalancerArn: arn }, c),
};

/** CloudFormation's actions are the API's, with numbers that may arrive as text. */
function actionsOf(value: unknown): sdk.Action[] {
  return listOf<sdk.Action>(value).map((action) => ({
    ...action,
    ...(action.RedirectConfig && {
      RedirectConfig: { ...action.RedirectConfig, Port: textOf(action.RedirectConfig.Port) },
    }),
    ...(action.FixedResponseConfig && {
      FixedResponseConfig: {
        ...action.FixedResponseConfig,
        StatusCode: textOf(action.FixedResponseConfig.StatusCode),
      },
    }),
  }));
}

function listenerSettings(p: Properties) {
  return {
    Port: numberOf(p['Port']),
    Protocol: p['Protocol'] as sdk.ProtocolEnum | undefined,
    Certificates: p['Certificates'] as sdk.Certificate[] | undefined,
    SslPolicy: textOf(p['SslPolicy']),
    DefaultActions: actionsOf(p['DefaultActions']),
  };
}

const listener: ResourceHandler = {
  type: 'AWS::ElasticLoadBalancingV2::Listener',
  fidelity: 'behaves',
  create(p, c) {
    const input = {
      ...listenerSettings(p),
      LoadBalancerArn: textOf(p['LoadBalancerArn']),
      Tags: tagListOf(p, c),
    };
    const arn = listenerOperations.createListener(input, c, c.token).Listeners[0]?.ListenerArn ?? '';
    return { physicalId: arn, attributes: { ListenerArn: arn } };
  },
  update(arn, p, _previous, c) {
    listenerOperations.modifyListener({ ...listenerSettings(p), ListenerArn: arn }, c);
    putTags(arn, tagListOf(p, c), c);
    return { physicalId: arn, attributes: { ListenerArn: arn } };
  },
  read: (arn, p, c) => Promise.resolve(liveListener(arn, p, c)),
  delete(arn, _p, c) {
    if (find(listeners, arn, c) !== undefined) listenerOperations.deleteListener({ ListenerArn: arn }, c);
  },
};

function ruleOutcome(arn: string) {
  return { physicalId: arn, attributes: { RuleArn: arn, IsDefault: false } };
}

const listenerRule: ResourceHandler = {
  type: 'AWS::ElasticLoadBalancingV2::ListenerRule',
  fidelity: 'behaves',
  create(p, c) {
    const input = {
      ListenerArn: textOf(p['ListenerArn']),
      Priority: numberOf(p['Priority']),
      Conditions: listOf<sdk.RuleCondition>(p['Conditions']),
      Actions: actionsOf(p['Actions']),
      Tags: tagListOf(p, c),
    };
    return ruleOutcome(listenerOperations.createRule(input, c, c.token).Rules[0]?.RuleArn ?? '');
  },
  update(arn, p, _previous, c) {
    const Conditions = listOf<sdk.RuleCondition>(p['Conditions']);
    listenerOperations.modifyRule({ RuleArn: arn, Conditions, Actions: actionsOf(p['Actions']) }, c);
    const RulePriorities = [{ RuleArn: arn, Priority: numberOf(p['Priority']) }];
    listenerOperations.setRulePriorities({ RulePriorities }, c);
    putTags(arn, tagListOf(p, c), c);
    return ruleOutcome(arn);
  },
  read: (arn, p, c) => Promise.resolve(liveRule(arn, p, c)),
  delete(arn, _p, c) {
    if (find(rules, arn, c) !== undefined) listenerOperations.deleteRule({ RuleArn: arn }, c);
  },
};

function healthCheckOf(p: Properties) {
  const matcher = p['Matcher'] as { HttpCode?: unknown } | undefined;
  return {
    HealthCheckProtocol: p['HealthCheckProtocol'] as sdk.ProtocolEnum | undefined,
    HealthCheckPort: textOf(p['HealthCheckPort']),
    HealthCheckPath: textOf(p['HealthCheckPath']),
    HealthCheckIntervalSeconds: numberOf(p['HealthCheckIntervalSeconds']),
    HealthCheckTimeoutSeconds: numberOf(p['HealthCheckTimeoutSeconds']),
    HealthyThresholdCount: numberOf(p['HealthyThresholdCount']),
    UnhealthyThresholdCount: numberOf(p['UnhealthyThresholdCount']),
    Matcher: matcher && { HttpCode: textOf(matcher.HttpCode) },
  };
}

function targetGroupOutcome(arn: string, c: ResourceContext) {
  return {
    physicalId: arn,
    attributes: {
      TargetGroupArn: arn,
      TargetGroupName: existing(targetGroups, arn, c).TargetGroupName,
      TargetGroupFullName: arn.replace(/^.*:targetgroup\//, 'targetgroup/'),
      LoadBalancerArns: loadBalancersUsing(arn, c),
    },
  };
}

const targetGroup: ResourceHandler = {
  type: 'AWS::ElasticLoadBalancingV2::TargetGroup',
  fidelity: 'behaves',
  create(p, c) {
    const input = {
      ...healthCheckOf(p),
      Name: nameOf(p, c),
      Protocol: p['Protocol'] as sdk.ProtocolEnum | undefined,
      ProtocolVersion: textOf(p['ProtocolVersion']),
      Port: numberOf(p['Port']),
      VpcId: textOf(p['VpcId']),
      TargetType: p['TargetType'] as sdk.TargetTypeEnum | undefined,
      Tags: tagListOf(p, c),
    };
    const arn = groups.createTargetGroup(input, c, c.token).TargetGroups[0]?.TargetGroupArn ?? '';
    groups.resetTargetGroupAttributes(arn, attributesOf(p, 'TargetGroupAttributes'), c);
    const Targets = targetsIn(p);
    if (Targets.length > 0) groups.registerTargets({ TargetGroupArn: arn, Targets }, c);
    return targetGroupOutcome(arn, c);
  },
  update(arn, p, previous, c) {
    groups.modifyTargetGroup({ ...healthCheckOf(p), TargetGroupArn: arn }, c);
    groups.resetTargetGroupAttributes(arn, attributesOf(p, 'TargetGroupAttributes'), c);
    // Only the targets that templates name: those that ECS registers are its own.
    const Targets = targetsIn(p);
    const gone = targetsIn(previous).filter(
      (one) => !Targets.some((other) => other.Id === one.Id && other.Port === one.Port),
    );
    groups.deregisterTargets({ TargetGroupArn: arn, Targets: gone }, c);
    groups.registerTargets({ TargetGroupArn: arn, Targets }, c);
    putTags(arn, tagListOf(p, c), c);
    return targetGroupOutcome(arn, c);
  },
  read: (arn, p, c) => Promise.resolve(liveTargetGroup(arn, p, c)),
  delete(arn, _p, c) {
    if (find(targetGroups, arn, c) !== undefined) groups.deleteTargetGroup({ TargetGroupArn: arn }, c);
  },
};

function targetsIn(p: Properties) {
  return listOf<{ Id: string; Port?: unknown }>(p['Targets']).map(({ Id, Port }) => ({
    Id,
    Port: numberOf(Port),
  }));
}

export const resources: readonly ResourceHandler[] = [loadBalancer, listener, listenerRule, targetGroup];
