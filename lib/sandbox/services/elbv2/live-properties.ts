/** Load balancers, listeners, rules and target groups as CloudFormation reads them, for drift detection. */
import type { Action } from '@aws-sdk/client-elastic-load-balancing-v2';
import { listOf } from '../properties.ts';
import {
  find,
  listeners,
  loadBalancerArnOf,
  loadBalancers,
  type Place,
  rules,
  tagsOfArn,
  targetGroups,
} from './records.ts';

type Properties = Record<string, unknown>;

/** Of the many attributes that there always are, those that the template sets. */
function attributesAsked(asked: unknown, live: Readonly<Record<string, string>>) {
  return listOf<{ Key: string }>(asked).map(({ Key }) => ({ Key, Value: live[Key] }));
}

/** An action's target group, in the one of its two spellings that the template uses. */
function actionsAs(asked: unknown, live: readonly Action[] | undefined): unknown[] {
  const simple = listOf<Action>(asked).some(({ TargetGroupArn }) => TargetGroupArn !== undefined);
  return (live ?? []).map((action) => {
    const [only, ...others] = action.ForwardConfig?.TargetGroups ?? [];
    const arn = action.TargetGroupArn ?? (others.length === 0 ? only?.TargetGroupArn : undefined);
    return simple && arn !== undefined ? { ...action, TargetGroupArn: arn } : action;
  });
}

export function liveLoadBalancer(arn: string, p: Properties, place: Place): Properties | undefined {
  const record = find(loadBalancers, arn, place);
  if (record === undefined) return undefined;
  const subnetIds = record.AvailabilityZones?.map(({ SubnetId }) => SubnetId);
  return {
    Name: record.LoadBalancerName,
    Scheme: record.Scheme,
    Type: record.Type,
    IpAddressType: record.IpAddressType,
    Subnets: subnetIds,
    SubnetMappings: subnetIds?.map((SubnetId) => ({ SubnetId })),
    SecurityGroups: record.SecurityGroups,
    LoadBalancerAttributes: attributesAsked(p['LoadBalancerAttributes'], record.Attributes),
    Tags: tagsOfArn(arn, place),
  };
}

export function liveListener(arn: string, p: Properties, place: Place): Properties | undefined {
  const record = find(listeners, arn, place);
  return (
    record && {
      LoadBalancerArn: loadBalancerArnOf(arn),
      Port: record.Port,
      Protocol: record.Protocol,
      SslPolicy: record.SslPolicy,
      Certificates: record.Certificates,
      DefaultActions: actionsAs(p['DefaultActions'], record.DefaultActions),
      Tags: tagsOfArn(arn, place),
    }
  );
}

export function liveRule(arn: string, p: Properties, place: Place): Properties | undefined {
  const record = find(rules, arn, place);
  return (
    record && {
      Priority: Number(record.Priority),
      Conditions: record.Conditions,
      Actions: actionsAs(p['Actions'], record.Actions),
      Tags: tagsOfArn(arn, place),
    }
  );
}

export function liveTargetGroup(arn: string, p: Properties, place: Place): Properties | undefined {
  const record = find(targetGroups, arn, place);
  return (
    record && {
      Name: record.TargetGroupName,
      Protocol: record.Protocol,
      ProtocolVersion: record.ProtocolVersion,
      Port: record.Port,
      VpcId: record.VpcId,
      TargetType: record.TargetType,
      HealthCheckProtocol: record.HealthCheckProtocol,
      HealthCheckPort: record.HealthCheckPort,
      HealthCheckPath: record.HealthCheckPath,
      HealthCheckIntervalSeconds: record.HealthCheckIntervalSeconds,
      HealthCheckTimeoutSeconds: record.HealthCheckTimeoutSeconds,
      HealthyThresholdCount: record.HealthyThresholdCount,
      UnhealthyThresholdCount: record.UnhealthyThresholdCount,
      Matcher: record.Matcher,
      TargetGroupAttributes: attributesAsked(p['TargetGroupAttributes'], record.Attributes),
      Tags: tagsOfArn(arn, place),
    }
  );
}
