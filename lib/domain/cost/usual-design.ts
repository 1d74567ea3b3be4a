import { z } from 'zod';
import type { Component } from '../release.ts';

type Templates = Readonly<Record<Component, string>>;

const foundationSchema = z.looseObject({
  Resources: z.record(
    z.string(),
    z.looseObject({ Type: z.string(), Properties: z.looseObject({}).optional() }),
  ),
});

/** Parameters of the usual design: a standby for every database, and endpoints, where there are any, in both zones. */
export const usualParameters: Readonly<Record<string, string>> = { MultiAz: 'true', EndpointZones: 'all' };

/**
 * The same silo in the design that is usual on AWS, to compare prices with: a NAT gateway with an address of its own in
 * each of two zones, with interface endpoints beside them or without. It is priced, never deployed.
 */
export function usualDesign(templates: Templates, design: { readonly endpoints: boolean }): Templates {
  const foundation = foundationSchema.parse(JSON.parse(templates.foundation));
  const kept = Object.entries(foundation.Resources).filter(
    ([, { Type, Properties }]) =>
      design.endpoints || Type !== 'AWS::EC2::VPCEndpoint' || Properties?.['VpcEndpointType'] !== 'Interface',
  );
  const gateways = ['1', '2'].flatMap((zone) => [
    [`UsualNatGateway${zone}`, { Type: 'AWS::EC2::NatGateway' }],
    [`UsualNatAddress${zone}`, { Type: 'AWS::EC2::EIP' }],
  ]);
  const resources = Object.fromEntries([...kept, ...gateways]);
  return { ...templates, foundation: JSON.stringify({ ...foundation, Resources: resources }) };
}
