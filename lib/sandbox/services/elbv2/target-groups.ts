/** Target groups and the targets registered with them. */
import type {
  CreateTargetGroupInput,
  DeleteTargetGroupInput,
  DeregisterTargetsInput,
  DescribeTargetGroupAttributesInput,
  DescribeTargetGroupsInput,
  DescribeTargetHealthInput,
  ModifyTargetGroupAttributesInput,
  ModifyTargetGroupInput,
  RegisterTargetsInput,
  TargetDescription,
  TargetGroupAttribute,
  TargetHealth,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { generatedId, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { requireRoom } from '../../quotas.ts';
import { contains, parseCidr } from '../ec2/addresses.ts';
import { vpcs } from '../ec2/kinds.ts';
import { existing as existingEc2 } from '../ec2/records.ts';
import { forgetTarget, healthOf, watchTarget } from './health.ts';
import { attributeList, withAttributes } from './load-balancers.ts';
import {
  all,
  erase,
  eraseTarget,
  existing,
  find,
  loadBalancersUsing,
  page,
  put,
  putTags,
  putTarget,
  type TargetGroupRecord,
  type TargetRecord,
  targetGroups,
  targetGroupsBehind,
  targetsOf,
} from './records.ts';

const defaultAttributes: Readonly<Record<string, string>> = {
  'deregistration_delay.timeout_seconds': '300',
  'load_balancing.algorithm.anomaly_mitigation': 'off',
  'load_balancing.algorithm.type': 'round_robin',
  'load_balancing.cross_zone.enabled': 'use_load_balancer_configuration',
  'slow_start.duration_seconds': '0',
  'stickiness.app_cookie.cookie_name': '',
  'stickiness.app_cookie.duration_seconds': '86400',
  'stickiness.enabled': 'false',
  'stickiness.lb_cookie.duration_seconds': '86400',
  'stickiness.type': 'lb_cookie',
  'target_group_health.dns_failover.minimum_healthy_targets.count': '1',
  'target_group_health.dns_failover.minimum_healthy_targets.percentage': 'off',
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count': '1',
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage': 'off',
};

export function createTargetGroup(input: CreateTargetGroupInput, call: Call, token = call.requestId) {
  const name = input.Name ?? '';
  const arn = regionalArn(
    'elasticloadbalancing',
    call,
    `targetgroup/${name}/${generatedId(`${token} ${name}`, '', 16)}`,
  );
  const made = find(targetGroups, arn, call);
  if (made !== undefined) return { TargetGroups: [shown(made, call)] };
  if (!/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(name))
    throw new AwsError(
      'ValidationError',
      `Target group name '${name}' must be 1 to 32 letters, digits and inner hyphens`,
    );
  if (input.TargetType !== 'ip')
    throw new AwsError(
      'ValidationError',
      `The sandbox has target groups of type 'ip' only. Set TargetType to ip.`,
    );
  if (!isWebProtocol(input.Protocol))
    throw new AwsError(
      'ValidationError',
      `The sandbox reaches targets by HTTP and HTTPS only, not by '${input.Protocol}'`,
    );
  requireRoom(call, 'targetGroups');
  const sameName = regionalArn('elasticloadbalancing', call, `targetgroup/${name}/`);
  if (all(targetGroups, call, sameName).length > 0) {
    throw new AwsError(
      'DuplicateTargetGroupName',
      `A target group with the same name '${name}' exists, but with different settings`,
    );
  }
  existingEc2(vpcs, input.VpcId, call);
  const record = withHealthCheck(
    {
      TargetGroupArn: arn,
      TargetGroupName: name,
      Protocol: input.Protocol,
      ProtocolVersion: input.ProtocolVersion ?? 'HTTP1',
      Port: input.Port,
      VpcId: input.VpcId,
      TargetType: 'ip',
      IpAddressType: input.IpAddressType ?? 'ipv4',
      HealthCheckEnabled: true,
      // Also where the group's own protocol is HTTPS ("CreateTargetGroup", Elastic Load Balancing API Reference).
      HealthCheckProtocol: 'HTTP',
      HealthCheckPort: 'traffic-port',
      HealthCheckPath: '/',
      HealthCheckIntervalSeconds: 30,
      HealthCheckTimeoutSeconds: 5,
      HealthyThresholdCount: 5,
      UnhealthyThresholdCount: 2,
      Matcher: { HttpCode: '200' },
      Attributes: { ...defaultAttributes },
    },
    input,
  );
  put(targetGroups, record, call);
  putTags(arn, input.Tags ?? [], call);
  return { TargetGroups: [shown(record, call)] };
}

const isWebProtocol = (protocol: string | undefined) => protocol === 'HTTP' || protocol === 'HTTPS';

type HealthCheck = Pick<
  ModifyTargetGroupInput,
  | 'HealthCheckProtocol'
  | 'HealthCheckPort'
  | 'HealthCheckPath'
  | 'HealthCheckIntervalSeconds'
  | 'HealthCheckTimeoutSeconds'
  | 'HealthyThresholdCount'
  | 'UnhealthyThresholdCount'
  | 'Matcher'
>;

function withHealthCheck(before: TargetGroupRecord, change: HealthCheck): TargetGroupRecord {
  const after: TargetGroupRecord = {
    ...before,
    HealthCheckProtocol: change.HealthCheckProtocol ?? before.HealthCheckProtocol,
    HealthCheckPort: change.HealthCheckPort ?? before.HealthCheckPort,
    HealthCheckPath: change.HealthCheckPath ?? before.HealthCheckPath,
    HealthCheckIntervalSeconds: change.HealthCheckIntervalSeconds ?? before.HealthCheckIntervalSeconds,
    HealthCheckTimeoutSeconds: change.HealthCheckTimeoutSeconds ?? before.HealthCheckTimeoutSeconds,
    HealthyThresholdCount: change.HealthyThresholdCount ?? before.HealthyThresholdCount,
    UnhealthyThresholdCount: change.UnhealthyThresholdCount ?? before.UnhealthyThresholdCount,
    Matcher: change.Matcher ?? before.Matcher,
  };
  const { HealthCheckIntervalSeconds: interval = 0, HealthCheckTimeoutSeconds: timeout = 0 } = after;
  if (interval < 5 || interval > 300)
    throw new AwsError('ValidationError', 'Health check interval must be between 5 and 300 seconds');
  if (timeout < 2 || timeout > 120 || timeout >= interval)
    throw new AwsError(
      'ValidationError',
      'Health check timeout must be at least 2 seconds and smaller than the interval',
    );
  if (!isWebProtocol(after.HealthCheckProtocol))
    throw new AwsError(
      'ValidationError',
      `The sandbox checks health by HTTP and HTTPS only, not by '${after.HealthCheckProtocol}'`,
    );
  if (!/^\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*$/.test(after.Matcher?.HttpCode ?? ''))
    throw new AwsError('ValidationError', `Health check matcher '${after.Matcher?.HttpCode}' is not valid`);
  return after;
}

function shown({ Attributes: _attributes, ...record }: TargetGroupRecord, call: Call) {
  return { ...record, LoadBalancerArns: loadBalancersUsing(record.TargetGroupArn ?? '', call) };
}

export function describeTargetGroups(input: DescribeTargetGroupsInput, call: Call) {
  const { TargetGroupArns: arns, Names: names, LoadBalancerArn } = input;
  for (const arn of arns ?? []) existing(targetGroups, arn, call);
  const every =
    LoadBalancerArn === undefined
      ? all(targetGroups, call)
      : targetGroupsBehind(LoadBalancerArn, call).map((arn) => existing(targetGroups, arn, call));
  if (names?.some((name) => !every.some((one) => one.TargetGroupName === name)))
    throw new AwsError('TargetGroupNotFound', 'One or more target groups not found');
  const wanted = every
    .filter((one) => arns?.includes(one.TargetGroupArn ?? '') ?? true)
    .filter((one) => names?.includes(one.TargetGroupName ?? '') ?? true)
    .map((one) => shown(one, call));
  const { items, next } = pageOf(wanted, { keyOf: (one) => one.TargetGroupArn ?? '', ...page(input) });
  return { TargetGroups: items, NextMarker: next };
}

export function modifyTargetGroup(input: ModifyTargetGroupInput, call: Call) {
  const record = put(
    targetGroups,
    withHealthCheck(existing(targetGroups, input.TargetGroupArn, call), input),
    call,
  );
  return { TargetGroups: [shown(record, call)] };
}

export function deleteTargetGroup({ TargetGroupArn: arn = '' }: DeleteTargetGroupInput, call: Call) {
  existing(targetGroups, arn, call);
  if (loadBalancersUsing(arn, call).length > 0)
    throw new AwsError('ResourceInUse', `Target group '${arn}' is currently in use by a listener or a rule`);
  for (const target of targetsOf(arn, call)) drop(target, call);
  erase(targetGroups, arn, call);
  return {};
}

export function describeTargetGroupAttributes(input: DescribeTargetGroupAttributesInput, call: Call) {
  return { Attributes: attributeList(existing(targetGroups, input.TargetGroupArn, call).Attributes) };
}

export function modifyTargetGroupAttributes(input: ModifyTargetGroupAttributesInput, call: Call) {
  const record = existing(targetGroups, input.TargetGroupArn, call);
  const Attributes = withAttributes(record.Attributes, input.Attributes, 'Target group');
  put(targetGroups, { ...record, Attributes }, call);
  return { Attributes: attributeList(Attributes) };
}

/** CloudFormation sets the attributes of the template and puts the others back to their defaults. */
export function resetTargetGroupAttributes(
  arn: string,
  attributes: TargetGroupAttribute[],
  call: Call,
): void {
  const record = existing(targetGroups, arn, call);
  put(
    targetGroups,
    { ...record, Attributes: withAttributes(defaultAttributes, attributes, 'Target group') },
    call,
  );
}

function targetOf(group: TargetGroupRecord, target: TargetDescription): TargetRecord {
  return { TargetGroupArn: group.TargetGroupArn ?? '', Id: target.Id, Port: target.Port ?? group.Port };
}

export function registerTargets({ TargetGroupArn, Targets = [] }: RegisterTargetsInput, call: Call) {
  const group = existing(targetGroups, TargetGroupArn, call);
  const vpc = parseCidr(existingEc2(vpcs, group.VpcId, call).CidrBlock ?? '');
  for (const target of Targets) {
    const address = parseCidr(`${target.Id}/32`);
    if (vpc === undefined || address === undefined || !contains(vpc, address)) {
      throw new AwsError(
        'InvalidTarget',
        `The IP address '${target.Id}' is not within the CIDR blocks of VPC '${group.VpcId}'`,
      );
    }
  }
  for (const target of Targets.map((one) => targetOf(group, one))) {
    putTarget(target, call);
    watchTarget(target, call);
  }
  return {};
}

export function deregisterTargets({ TargetGroupArn, Targets = [] }: DeregisterTargetsInput, call: Call) {
  const group = existing(targetGroups, TargetGroupArn, call);
  for (const target of Targets) drop(targetOf(group, target), call);
  return {};
}

function drop(target: TargetRecord, call: Call): void {
  eraseTarget(target, call);
  forgetTarget(target, call);
}

export function describeTargetHealth({ TargetGroupArn, Targets }: DescribeTargetHealthInput, call: Call) {
  const group = existing(targetGroups, TargetGroupArn, call);
  const registered = targetsOf(group.TargetGroupArn ?? '', call);
  const inUse = loadBalancersUsing(group.TargetGroupArn ?? '', call).length > 0;
  const wanted = Targets?.map((one) => targetOf(group, one)) ?? registered;
  const TargetHealthDescriptions = wanted.map((target) => {
    const isRegistered = registered.some((one) => one.Id === target.Id && one.Port === target.Port);
    return {
      Target: { Id: target.Id, Port: target.Port },
      HealthCheckPort: String(target.Port),
      TargetHealth: isRegistered ? shownHealth(target, inUse, call) : notRegistered,
    };
  });
  return { TargetHealthDescriptions };
}

const notRegistered: TargetHealth = {
  State: 'unused',
  Reason: 'Target.NotRegistered',
  Description: 'Target is not registered to the target group',
};

function shownHealth(target: TargetRecord, inUse: boolean, call: Call): TargetHealth {
  if (inUse) return healthOf(target, call);
  return {
    State: 'unused',
    Reason: 'Target.NotInUse',
    Description: 'Target group is not configured to receive traffic from the load balancer',
  };
}
