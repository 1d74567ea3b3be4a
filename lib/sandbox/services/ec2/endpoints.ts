/** VPC endpoints and flow logs. */
import type {
  CreateFlowLogsRequest,
  CreateVpcEndpointRequest,
  DeleteFlowLogsRequest,
  DeleteVpcEndpointsRequest,
  DescribeFlowLogsRequest,
  DescribeVpcEndpointsRequest,
  FlowLog,
  ModifyVpcEndpointRequest,
  UnsuccessfulItem,
  VpcEndpoint,
} from '@aws-sdk/client-ec2';
import { generatedId } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { statementsOf } from '../policies.ts';
import { attachInterface, releaseInterfaces } from './interfaces.ts';
import {
  flowLogs,
  routeTables,
  securityGroups,
  subnets,
  type VpcRecord,
  vpcEndpoints,
  vpcs,
} from './kinds.ts';
import { describe, erase, existing, find, kindOfId, put, related, specifiedTags } from './records.ts';

/** AWS services with an endpoint in every Region that the sandbox knows ("AWS services that integrate with AWS PrivateLink"). */
const endpointServices = [
  'ec2',
  'ec2messages',
  'ecr.api',
  'ecr.dkr',
  'ecs',
  'ecs-agent',
  'ecs-telemetry',
  'elasticloadbalancing',
  'events',
  'kms',
  'lambda',
  'logs',
  'monitoring',
  'rds',
  's3',
  'secretsmanager',
  'sns',
  'sqs',
  'ssm',
  'ssmmessages',
  'sts',
];
const gatewayServices = ['s3', 'dynamodb'];

export function createVpcEndpoint(
  input: CreateVpcEndpointRequest,
  call: Call,
  token = input.ClientToken ?? call.requestId,
): { VpcEndpoint: VpcEndpoint } {
  const VpcEndpointId = generatedId(token, 'vpce-', 17);
  const made = find(vpcEndpoints, VpcEndpointId, call);
  if (made !== undefined) return { VpcEndpoint: made };
  const vpc = existing(vpcs, input.VpcId, call);
  const VpcEndpointType = input.VpcEndpointType ?? 'Gateway';
  const service = serviceOf(input.ServiceName ?? '', VpcEndpointType, call);
  const isInterface = VpcEndpointType === 'Interface';
  // Interface endpoints answer under the service's public name unless told not to.
  const PrivateDnsEnabled = isInterface && (input.PrivateDnsEnabled ?? true);
  if (PrivateDnsEnabled) checkPrivateDns(vpc, input.ServiceName ?? '', service, call);
  for (const id of input.RouteTableIds ?? []) existing(routeTables, id, call);

  const endpoint: VpcEndpoint = {
    VpcEndpointId,
    VpcEndpointType,
    VpcId: vpc.VpcId,
    ServiceName: input.ServiceName,
    ServiceRegion: call.region,
    // On the wire AWS writes it in lower case, whatever its model says.
    State: 'available' as 'Available',
    PolicyDocument: checkedPolicy(input.PolicyDocument),
    RouteTableIds: input.RouteTableIds ?? [],
    SubnetIds: input.SubnetIds ?? [],
    Groups: [],
    IpAddressType: 'ipv4',
    PrivateDnsEnabled,
    RequesterManaged: false,
    NetworkInterfaceIds: [],
    DnsEntries: isInterface
      ? [
          {
            DnsName: `${VpcEndpointId}-${generatedId(token, '', 8, 'lower')}.${service}.${call.region}.vpce.amazonaws.com`,
          },
        ]
      : [],
    CreationTimestamp: call.cloud.now(),
    OwnerId: call.accountId,
    Tags: specifiedTags(input.TagSpecifications, 'vpc-endpoint'),
  };
  call.cloud.state.transaction(() =>
    put(vpcEndpoints, isInterface ? placed(endpoint, input.SecurityGroupIds, call) : endpoint, call),
  );
  return { VpcEndpoint: find(vpcEndpoints, VpcEndpointId, call) ?? endpoint };
}

const openPolicy = JSON.stringify({
  Version: '2008-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }],
});

/** The policy that was given, or the one that lets everything through ("Default endpoint policy"). */
function checkedPolicy(policy: string | undefined): string {
  if (policy === undefined) return openPolicy;
  const statements = statementsOf(policy, 'InvalidPolicyDocument');
  if (statements.some(({ Principal }) => Principal === undefined))
    throw new AwsError('InvalidPolicyDocument', 'A statement of an endpoint policy needs a Principal.');
  return policy;
}

function serviceOf(name: string, type: string, call: Call): string {
  const prefix = `com.amazonaws.${call.region}.`;
  const service = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  const known = type === 'Gateway' ? gatewayServices : endpointServices;
  if (!known.includes(service))
    throw new AwsError('InvalidServiceName', `The Vpc Endpoint Service '${name}' does not exist`);
  return service;
}

function checkPrivateDns(vpc: VpcRecord, serviceName: string, service: string, call: Call): void {
  if (!vpc.EnableDnsSupport || !vpc.EnableDnsHostnames) {
    throw new AwsError(
      'InvalidParameter',
      `Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for ${vpc.VpcId}`,
    );
  }
  const conflict = related(vpcEndpoints, vpc.VpcId, call).some(
    (one) => one.VpcId === vpc.VpcId && one.ServiceName === serviceName && one.PrivateDnsEnabled === true,
  );
  if (conflict) {
    throw new AwsError(
      'InvalidParameter',
      `private-dns-enabled cannot be set because there is already a conflicting DNS domain for ${service}.${call.region}.amazonaws.com in the VPC ${vpc.VpcId}`,
    );
  }
}

/** An interface endpoint with one network interface in each of its subnets. */
function placed(endpoint: VpcEndpoint, securityGroupIds: string[] | undefined, call: Call): VpcEndpoint {
  const defaults = related(securityGroups, endpoint.VpcId, call).filter(
    (group) => group.VpcId === endpoint.VpcId && group.IsDefault,
  );
  const groupIds = securityGroupIds ?? defaults.map((group) => group.GroupId ?? '');
  const cards = (endpoint.SubnetIds ?? []).map((subnetId) => {
    const subnet = existing(subnets, subnetId, call);
    if (subnet.VpcId !== endpoint.VpcId)
      throw new AwsError(
        'InvalidParameter',
        `The subnet ID '${subnetId}' does not belong to VPC ${endpoint.VpcId}`,
      );
    return attachInterface(
      {
        owner: endpoint.VpcEndpointId ?? '',
        subnetId,
        securityGroupIds: groupIds,
        description: `VPC Endpoint Interface ${endpoint.VpcEndpointId}`,
        type: 'vpc_endpoint',
      },
      call,
    );
  });
  const groups = groupIds.map((id) => existing(securityGroups, id, call));
  return {
    ...endpoint,
    Groups: groups.map(({ GroupId, GroupName }) => ({ GroupId, GroupName })),
    NetworkInterfaceIds: cards.map((card) => card.NetworkInterfaceId ?? ''),
  };
}

export function modifyVpcEndpoint(input: ModifyVpcEndpointRequest, call: Call): { Return: boolean } {
  const endpoint = existing(vpcEndpoints, input.VpcEndpointId, call);
  const changed = (before: string[] | undefined, add: string[] | undefined, drop: string[] | undefined) => [
    ...new Set([...(before ?? []), ...(add ?? [])].filter((id) => !(drop ?? []).includes(id))),
  ];
  const groups = changed(
    endpoint.Groups?.map((group) => group.GroupId ?? ''),
    input.AddSecurityGroupIds,
    input.RemoveSecurityGroupIds,
  );
  for (const id of input.AddRouteTableIds ?? []) existing(routeTables, id, call);
  const next: VpcEndpoint = {
    ...endpoint,
    SubnetIds: changed(endpoint.SubnetIds, input.AddSubnetIds, input.RemoveSubnetIds),
    RouteTableIds: changed(endpoint.RouteTableIds, input.AddRouteTableIds, input.RemoveRouteTableIds),
    PolicyDocument:
      input.ResetPolicy === true
        ? openPolicy
        : checkedPolicy(input.PolicyDocument ?? endpoint.PolicyDocument),
    PrivateDnsEnabled: input.PrivateDnsEnabled ?? endpoint.PrivateDnsEnabled,
  };
  call.cloud.state.transaction(() => {
    releaseInterfaces(endpoint.VpcEndpointId ?? '', call);
    put(vpcEndpoints, endpoint.VpcEndpointType === 'Interface' ? placed(next, groups, call) : next, call);
  });
  return { Return: true };
}

export function deleteVpcEndpoints({ VpcEndpointIds = [] }: DeleteVpcEndpointsRequest, call: Call) {
  return { Unsuccessful: deleteEach(VpcEndpointIds, (id) => deleteVpcEndpoint(id, call)) };
}

export function deleteVpcEndpoint(id: string, call: Call): void {
  existing(vpcEndpoints, id, call);
  call.cloud.state.transaction(() => {
    releaseInterfaces(id, call);
    erase(vpcEndpoints, id, call);
  });
}

/** EC2 deletes what it can of a list and names the rest in its answer. */
function deleteEach(ids: readonly string[], work: (id: string) => void): UnsuccessfulItem[] {
  return ids.flatMap((ResourceId) => {
    try {
      work(ResourceId);
      return [];
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return [{ ResourceId, Error: { Code: error.code, Message: error.message } }];
    }
  });
}

export function describeVpcEndpoints(input: DescribeVpcEndpointsRequest, call: Call) {
  const { items, next } = describe(vpcEndpoints, { ...input, ids: input.VpcEndpointIds }, call);
  return { VpcEndpoints: items, NextToken: next };
}

export function createFlowLogs(
  input: CreateFlowLogsRequest,
  call: Call,
  token = input.ClientToken ?? call.requestId,
) {
  const destination = input.LogDestinationType ?? 'cloud-watch-logs';
  if (destination === 'cloud-watch-logs' && input.DeliverLogsPermissionArn === undefined)
    throw new AwsError('InvalidParameter', 'DeliverLogsPermissionArn can not be empty.');
  if (input.LogGroupName === undefined && input.LogDestination === undefined)
    throw new AwsError('InvalidParameter', 'LogDestination or LogGroupName must be specified.');
  const logs = (input.ResourceIds ?? []).map((ResourceId): FlowLog => {
    const of = kindOfId(ResourceId);
    if (of === undefined) throw new AwsError('InvalidParameter', `Unknown resource ID: ${ResourceId}`);
    existing(of, ResourceId, call);
    const FlowLogId = generatedId(`${token} ${ResourceId}`, 'fl-', 17);
    return {
      FlowLogId,
      FlowLogStatus: 'ACTIVE',
      DeliverLogsStatus: 'SUCCESS',
      CreationTime: call.cloud.now(),
      ResourceId,
      TrafficType: input.TrafficType ?? 'ALL',
      LogDestinationType: destination,
      LogDestination: input.LogDestination,
      LogGroupName: input.LogGroupName ?? /:log-group:([^:]+)/.exec(input.LogDestination ?? '')?.[1],
      DeliverLogsPermissionArn: input.DeliverLogsPermissionArn,
      LogFormat: input.LogFormat ?? defaultLogFormat,
      MaxAggregationInterval: input.MaxAggregationInterval ?? 600,
      Tags: specifiedTags(input.TagSpecifications, 'vpc-flow-log'),
    };
  });
  call.cloud.state.transaction(() => {
    for (const log of logs) put(flowLogs, log, call);
  });
  return {
    FlowLogIds: logs.map((log) => log.FlowLogId ?? ''),
    ClientToken: input.ClientToken,
    Unsuccessful: [],
  };
}

const defaultLogFormat = [
  'version',
  'account-id',
  'interface-id',
  'srcaddr',
  'dstaddr',
  'srcport',
  'dstport',
  'protocol',
  'packets',
  'bytes',
  'start',
  'end',
  'action',
  'log-status',
]
  .map((field) => `\${${field}}`)
  .join(' ');

export function deleteFlowLogs({ FlowLogIds = [] }: DeleteFlowLogsRequest, call: Call) {
  return { Unsuccessful: deleteEach(FlowLogIds, (id) => deleteFlowLog(id, call)) };
}

export function deleteFlowLog(id: string, call: Call): void {
  existing(flowLogs, id, call);
  erase(flowLogs, id, call);
}

export function describeFlowLogs(input: DescribeFlowLogsRequest, call: Call) {
  const { items, next } = describe(
    flowLogs,
    { ...input, Filters: input.Filter, ids: input.FlowLogIds },
    call,
  );
  return { FlowLogs: items, NextToken: next };
}
