/** Application Load Balancers and their attributes. */

import type { Subnet } from '@aws-sdk/client-ec2';
import type {
  CreateLoadBalancerInput,
  DeleteLoadBalancerInput,
  DescribeLoadBalancerAttributesInput,
  DescribeLoadBalancersInput,
  LoadBalancerAttribute,
  ModifyLoadBalancerAttributesInput,
  SetSecurityGroupsInput,
  SetSubnetsInput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { generatedId, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { requireRoom } from '../../quotas.ts';
import { attachInterface, releaseInterfaces } from '../ec2/interfaces.ts';
import { internetGateways, securityGroups, subnets } from '../ec2/kinds.ts';
import { all as allEc2, existing as existingEc2, find as findEc2 } from '../ec2/records.ts';
import { checkLogBuckets } from './access-logs.ts';
import { deleteListener } from './listeners.ts';
import {
  all,
  erase,
  existing,
  find,
  type LoadBalancerRecord,
  listenersOf,
  loadBalancers,
  nameTable,
  page,
  put,
  putTags,
} from './records.ts';

/** Hosted zones of Application Load Balancers ("Elastic Load Balancing endpoints and quotas"). */
const canonicalHostedZones: Readonly<Record<string, string>> = {
  'us-east-1': 'Z35SXDOTRQ7X7K',
  'us-east-2': 'Z3AADJGX6KTTL2',
  'us-west-1': 'Z368ELLRRE2KJ0',
  'us-west-2': 'Z1H1FL5HABSF5',
  'eu-west-1': 'Z32O12XQLNTSW2',
  'eu-central-1': 'Z215JYRZR1TBD5',
};

const defaultAttributes: Readonly<Record<string, string>> = {
  'access_logs.s3.enabled': 'false',
  'access_logs.s3.bucket': '',
  'access_logs.s3.prefix': '',
  'client_keep_alive.seconds': '3600',
  'connection_logs.s3.enabled': 'false',
  'connection_logs.s3.bucket': '',
  'connection_logs.s3.prefix': '',
  'deletion_protection.enabled': 'false',
  'idle_timeout.timeout_seconds': '60',
  'load_balancing.cross_zone.enabled': 'true',
  'routing.http.desync_mitigation_mode': 'defensive',
  'routing.http.drop_invalid_header_fields.enabled': 'false',
  'routing.http.preserve_host_header.enabled': 'false',
  'routing.http.x_amzn_tls_version_and_cipher_suite.enabled': 'false',
  'routing.http.xff_client_port.enabled': 'false',
  'routing.http.xff_header_processing.mode': 'append',
  'routing.http2.enabled': 'true',
  'waf.fail_open.enabled': 'false',
  'zonal_shift.config.enabled': 'false',
};

export function createLoadBalancer(input: CreateLoadBalancerInput, call: Call, token = call.requestId) {
  const name = input.Name ?? '';
  const arn = regionalArn(
    'elasticloadbalancing',
    call,
    `loadbalancer/app/${name}/${generatedId(`${token} ${name}`, '', 16)}`,
  );
  const made = find(loadBalancers, arn, call);
  if (made !== undefined) return { LoadBalancers: [shown(made)] };
  if (!/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(name) || name.startsWith('internal-')) {
    throw new AwsError(
      'ValidationError',
      `The load balancer name '${name}' can only contain characters that are alphanumeric characters and hyphens(-), is at most 32 characters long, and must not begin or end with a hyphen or begin with 'internal-'`,
    );
  }
  if ((input.Type ?? 'application') !== 'application')
    throw new AwsError('ValidationError', `The sandbox has load balancers of type 'application' only.`);
  const sameName = regionalArn('elasticloadbalancing', call, `loadbalancer/app/${name}/`);
  if (all(loadBalancers, call, sameName).length > 0) {
    throw new AwsError(
      'DuplicateLoadBalancerName',
      `A load balancer with the same name '${name}' exists, but with different settings`,
    );
  }
  requireRoom(call, 'loadBalancers');
  const Scheme = input.Scheme ?? 'internet-facing';
  const placed = placement(
    input.Subnets ?? input.SubnetMappings?.map((one) => one.SubnetId ?? ''),
    Scheme,
    call,
  );
  // Ten digits that follow from the ARN.
  const digits = BigInt(`0x${generatedId(arn, '', 12)}`)
    .toString()
    .slice(0, 10);
  const record: LoadBalancerRecord = {
    LoadBalancerArn: arn,
    LoadBalancerName: name,
    DNSName:
      `${Scheme === 'internal' ? 'internal-' : ''}${name}-${digits}.${call.region}.elb.localhost`.toLowerCase(),
    CanonicalHostedZoneId: canonicalHostedZones[call.region] ?? generatedId(call.region, 'Z', 13, 'upper'),
    CreatedTime: call.cloud.now(),
    Scheme,
    Type: 'application',
    IpAddressType: input.IpAddressType ?? 'ipv4',
    State: { Code: 'active' },
    SecurityGroups: input.SecurityGroups ?? [],
    ...placed,
    Attributes: { ...defaultAttributes },
  };
  call.cloud.state.transaction(() => {
    putInterfaces(record, call);
    put(loadBalancers, record, call);
    putTags(arn, input.Tags ?? [], call);
    nameTable(call.cloud).put(record.DNSName ?? '', { accountId: call.accountId, region: call.region, arn });
  });
  return { LoadBalancers: [shown(record)] };
}

function shown({ Attributes: _attributes, ...record }: LoadBalancerRecord) {
  return record;
}

function placement(subnetIds: readonly string[] | undefined, scheme: string, call: Call) {
  const chosen = (subnetIds ?? []).map((id): Subnet => {
    const subnet = findEc2(subnets, id, call);
    if (subnet === undefined) throw new AwsError('SubnetNotFound', `The subnet ID '${id}' does not exist`);
    return subnet;
  });
  const zones = new Set(chosen.map((subnet) => subnet.AvailabilityZone));
  if (zones.size < 2)
    throw new AwsError(
      'ValidationError',
      'At least two subnets in two different Availability Zones must be specified',
    );
  if (zones.size < chosen.length)
    throw new AwsError(
      'InvalidConfigurationRequest',
      'A load balancer cannot be attached to multiple subnets in the same Availability Zone',
    );
  const VpcId = chosen[0]?.VpcId;
  if (chosen.some((subnet) => subnet.VpcId !== VpcId))
    throw new AwsError('InvalidSubnet', 'All subnets must belong to the same VPC');
  const gateways = allEc2(internetGateways, call).flatMap((gateway) => gateway.Attachments ?? []);
  if (scheme === 'internet-facing' && !gateways.some((attachment) => attachment.VpcId === VpcId))
    throw new AwsError('InvalidSubnet', `VPC ${VpcId} has no internet gateway`);
  const AvailabilityZones = chosen.map(({ AvailabilityZone, SubnetId }) => ({
    ZoneName: AvailabilityZone,
    SubnetId,
    LoadBalancerAddresses: [],
  }));
  return { VpcId, AvailabilityZones };
}

function putInterfaces(record: LoadBalancerRecord, call: Call): void {
  const arn = record.LoadBalancerArn ?? '';
  for (const id of record.SecurityGroups ?? []) existingEc2(securityGroups, id, call);
  releaseInterfaces(arn, call);
  for (const zone of record.AvailabilityZones ?? []) {
    attachInterface(
      {
        owner: arn,
        subnetId: zone.SubnetId ?? '',
        securityGroupIds: record.SecurityGroups ?? [],
        description: `ELB ${fullNameOf(arn)}`,
        type: 'interface',
      },
      call,
    );
  }
}

/** `arn:…:loadbalancer/app/name/id` → `app/name/id`, the name in CloudWatch's dimensions. */
export function fullNameOf(arn: string): string {
  return arn.replace(/^.*:loadbalancer\//, '');
}

export function describeLoadBalancers(input: DescribeLoadBalancersInput, call: Call) {
  const { LoadBalancerArns: arns, Names: names } = input;
  for (const arn of arns ?? []) existing(loadBalancers, arn, call);
  const every = all(loadBalancers, call);
  const missing = names?.filter((name) => !every.some((one) => one.LoadBalancerName === name)) ?? [];
  if (missing.length > 0)
    throw new AwsError('LoadBalancerNotFound', `Load balancers '[${missing.join(', ')}]' not found`);
  const wanted = every.filter(
    (one) =>
      (arns?.includes(one.LoadBalancerArn ?? '') ?? true) &&
      (names?.includes(one.LoadBalancerName ?? '') ?? true),
  );
  const { items, next } = pageOf(wanted, { keyOf: (one) => one.LoadBalancerArn ?? '', ...page(input) });
  return { LoadBalancers: items.map(shown), NextMarker: next };
}

/** Deleting a load balancer that is not there succeeds, as on AWS. */
export function deleteLoadBalancer({ LoadBalancerArn: arn = '' }: DeleteLoadBalancerInput, call: Call) {
  const record = find(loadBalancers, arn, call);
  if (record === undefined) return {};
  if (record.Attributes['deletion_protection.enabled'] === 'true') {
    throw new AwsError(
      'OperationNotPermitted',
      `Load balancer '${arn}' cannot be deleted because deletion protection is enabled`,
    );
  }
  call.cloud.state.transaction(() => {
    for (const listener of listenersOf(arn, call))
      deleteListener({ ListenerArn: listener.ListenerArn }, call);
    releaseInterfaces(arn, call);
    nameTable(call.cloud).delete(record.DNSName ?? '');
    erase(loadBalancers, arn, call);
  });
  return {};
}

export function describeAttributes(input: DescribeLoadBalancerAttributesInput, call: Call) {
  return { Attributes: attributeList(existing(loadBalancers, input.LoadBalancerArn, call).Attributes) };
}

export function attributeList(attributes: Record<string, string>): LoadBalancerAttribute[] {
  return Object.entries(attributes).map(([Key, Value]) => ({ Key, Value }));
}

export function modifyAttributes(input: ModifyLoadBalancerAttributesInput, call: Call) {
  const record = existing(loadBalancers, input.LoadBalancerArn, call);
  const Attributes = withAttributes(record.Attributes, input.Attributes, 'Load balancer');
  checkLogBuckets(input.LoadBalancerArn ?? '', Attributes, call);
  put(loadBalancers, { ...record, Attributes }, call);
  return { Attributes: attributeList(Attributes) };
}

/** CloudFormation sets the attributes of the template and puts the others back to their defaults. */
export function resetAttributes(arn: string, attributes: LoadBalancerAttribute[], call: Call): void {
  const record = existing(loadBalancers, arn, call);
  const Attributes = withAttributes(defaultAttributes, attributes, 'Load balancer');
  checkLogBuckets(arn, Attributes, call);
  put(loadBalancers, { ...record, Attributes }, call);
}

export function withAttributes(
  before: Readonly<Record<string, string>>,
  changes: readonly LoadBalancerAttribute[] | undefined,
  noun: string,
): Record<string, string> {
  const after = { ...before };
  for (const { Key = '', Value = '' } of changes ?? []) {
    if (before[Key] === undefined)
      throw new AwsError('ValidationError', `${noun} attribute key '${Key}' is not recognized`);
    checkValue(Key, Value, before[Key]);
    after[Key] = Value;
  }
  return after;
}

const choices: Readonly<Record<string, readonly string[]>> = {
  'load_balancing.cross_zone.enabled': ['true', 'false', 'use_load_balancer_configuration'],
  'routing.http.desync_mitigation_mode': ['monitor', 'defensive', 'strictest'],
  'routing.http.xff_header_processing.mode': ['append', 'preserve', 'remove'],
};

/** What an attribute may be ("LoadBalancerAttribute", Elastic Load Balancing API Reference). */
function checkValue(key: string, value: string, before: string): void {
  const isFlag = before === 'true' || before === 'false';
  const allowed = choices[key] ?? (isFlag ? ['true', 'false'] : undefined);
  if (allowed !== undefined && !allowed.includes(value))
    throw new AwsError(
      'ValidationError',
      `Attribute value '${value}' for '${key}' must be one of ${allowed.join(', ')}`,
    );
  if (key !== 'idle_timeout.timeout_seconds') return;
  const seconds = Number(value);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 4000)
    throw new AwsError(
      'ValidationError',
      `Load balancer attribute value '${value}' for '${key}' must be a whole number from 1 to 4000`,
    );
}

export function setSecurityGroups(input: SetSecurityGroupsInput, call: Call) {
  const record = {
    ...existing(loadBalancers, input.LoadBalancerArn, call),
    SecurityGroups: input.SecurityGroups ?? [],
  };
  call.cloud.state.transaction(() => {
    putInterfaces(record, call);
    put(loadBalancers, record, call);
  });
  return { SecurityGroupIds: record.SecurityGroups };
}

export function setSubnets(input: SetSubnetsInput, call: Call) {
  const before = existing(loadBalancers, input.LoadBalancerArn, call);
  const record = { ...before, ...placement(input.Subnets, before.Scheme ?? 'internet-facing', call) };
  call.cloud.state.transaction(() => {
    putInterfaces(record, call);
    put(loadBalancers, record, call);
  });
  return { AvailabilityZones: record.AvailabilityZones, IpAddressType: record.IpAddressType };
}
