/** Amazon EC2: the networking part that a silo and its verification use. */
import * as sdk from '@aws-sdk/client-ec2';
import { AwsError, type Call, type Operation, type ServiceEmulation } from '../../model.ts';
import * as account from './account.ts';
import * as endpoints from './endpoints.ts';
import * as interfaces from './interfaces.ts';
import * as peering from './peering.ts';
import * as routing from './routing.ts';
import * as groups from './security-groups.ts';
import * as vpcs from './vpcs.ts';

export { resources } from './resources.ts';

type Handler<I> = (input: I, call: Call) => unknown;

/** The sandbox cannot say that a request would have succeeded without making it. */
function operation<I>(handler: Handler<I>): Operation {
  return (input: I & { DryRun?: boolean | undefined }, call: Call) => {
    if (input.DryRun === true)
      throw new AwsError(
        'UnsupportedOperation',
        'The sandbox makes no dry runs. Leave out the parameter DryRun.',
      );
    return handler(input, call);
  };
}

export const service: ServiceEmulation = {
  signingName: 'ec2',
  sdk,
  operations: {
    CreateVpc: operation<sdk.CreateVpcRequest>((input, call) => vpcs.createVpc(input, call)),
    DeleteVpc: operation(vpcs.deleteVpc),
    DescribeVpcs: operation(vpcs.describeVpcs),
    DescribeVpcAttribute: operation(vpcs.describeVpcAttribute),
    ModifyVpcAttribute: operation(vpcs.modifyVpcAttribute),
    CreateSubnet: operation<sdk.CreateSubnetRequest>((input, call) => vpcs.createSubnet(input, call)),
    DeleteSubnet: operation(vpcs.deleteSubnet),
    DescribeSubnets: operation(vpcs.describeSubnets),
    ModifySubnetAttribute: operation(vpcs.modifySubnetAttribute),
    DescribeNetworkAcls: operation(vpcs.describeNetworkAcls),

    CreateRouteTable: operation<sdk.CreateRouteTableRequest>((input, call) =>
      routing.createRouteTable(input, call),
    ),
    DeleteRouteTable: operation(routing.deleteRouteTable),
    DescribeRouteTables: operation(routing.describeRouteTables),
    AssociateRouteTable: operation<sdk.AssociateRouteTableRequest>((input, call) =>
      routing.associateRouteTable(input, call),
    ),
    DisassociateRouteTable: operation(routing.disassociateRouteTable),
    CreateRoute: operation<sdk.CreateRouteRequest>((input, call) => routing.createRoute(input, call)),
    ReplaceRoute: operation(routing.replaceRoute),
    DeleteRoute: operation(routing.deleteRoute),
    CreateInternetGateway: operation<sdk.CreateInternetGatewayRequest>((input, call) =>
      routing.createInternetGateway(input, call),
    ),
    DeleteInternetGateway: operation(routing.deleteInternetGateway),
    DescribeInternetGateways: operation(routing.describeInternetGateways),
    AttachInternetGateway: operation(routing.attachInternetGateway),
    DetachInternetGateway: operation(routing.detachInternetGateway),
    AllocateAddress: operation<sdk.AllocateAddressRequest>((input, call) =>
      routing.allocateAddress(input, call),
    ),
    ReleaseAddress: operation(routing.releaseAddress),
    DescribeAddresses: operation(routing.describeAddresses),
    CreateNatGateway: operation<sdk.CreateNatGatewayRequest>((input, call) =>
      routing.createNatGateway(input, call),
    ),
    DeleteNatGateway: operation(routing.deleteNatGateway),
    DescribeNatGateways: operation(routing.describeNatGateways),

    CreateSecurityGroup: operation<sdk.CreateSecurityGroupRequest>((input, call) =>
      groups.createSecurityGroup(input, call),
    ),
    DeleteSecurityGroup: operation(groups.deleteSecurityGroup),
    DescribeSecurityGroups: operation(groups.describeSecurityGroups),
    DescribeSecurityGroupRules: operation(groups.describeSecurityGroupRules),
    AuthorizeSecurityGroupIngress: operation(groups.authorizeIngress),
    AuthorizeSecurityGroupEgress: operation(groups.authorizeEgress),
    RevokeSecurityGroupIngress: operation(groups.revokeIngress),
    RevokeSecurityGroupEgress: operation(groups.revokeEgress),

    CreateVpcEndpoint: operation<sdk.CreateVpcEndpointRequest>((input, call) =>
      endpoints.createVpcEndpoint(input, call),
    ),
    ModifyVpcEndpoint: operation(endpoints.modifyVpcEndpoint),
    DeleteVpcEndpoints: operation(endpoints.deleteVpcEndpoints),
    DescribeVpcEndpoints: operation(endpoints.describeVpcEndpoints),
    CreateFlowLogs: operation<sdk.CreateFlowLogsRequest>((input, call) =>
      endpoints.createFlowLogs(input, call),
    ),
    DeleteFlowLogs: operation(endpoints.deleteFlowLogs),
    DescribeFlowLogs: operation(endpoints.describeFlowLogs),
    DescribeNetworkInterfaces: operation(interfaces.describeNetworkInterfaces),

    CreateVpcPeeringConnection: operation(peering.createVpcPeeringConnection),
    AcceptVpcPeeringConnection: operation(peering.acceptVpcPeeringConnection),
    DeleteVpcPeeringConnection: operation(peering.deleteVpcPeeringConnection),
    DescribeVpcPeeringConnections: operation(peering.describeVpcPeeringConnections),
    // Nothing here can create one of these, so none exists.
    DescribeTransitGateways: operation(() => ({ TransitGateways: [] })),
    DescribeTransitGatewayVpcAttachments: operation(() => ({ TransitGatewayVpcAttachments: [] })),
    DescribeTransitGatewayAttachments: operation(() => ({ TransitGatewayAttachments: [] })),
    DescribeVpnConnections: operation(() => ({ VpnConnections: [] })),
    DescribeVpnGateways: operation(() => ({ VpnGateways: [] })),

    CreateTags: operation(account.createTags),
    DeleteTags: operation(account.deleteTags),
    DescribeTags: operation(account.describeTags),
    DescribeAvailabilityZones: operation(account.describeAvailabilityZones),
    DescribeRegions: operation(account.describeRegions),
    DescribeAccountAttributes: operation(account.describeAccountAttributes),
  },
};
