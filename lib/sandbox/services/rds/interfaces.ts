/** The network interfaces of DB instances: one for the instance and one for its standby, each in its zone's subnet. */
import { attachInterface, interfacesOf, releaseInterfaces } from '../ec2/interfaces.ts';
import { serviceCall } from './encryption.ts';
import type { InstanceRecord, Owner } from './records.ts';
import { findSubnetGroup } from './subnet-groups.ts';

/**
 * Gives the instance the interfaces that its record asks for, and takes back those that it does not. They keep subnet,
 * VPC and security groups from being deleted for as long as there is the instance, also while it is stopped.
 *
 * @throws AwsError InsufficientFreeAddressesInSubnet, InvalidSubnetID.NotFound.
 */
export function placeInterfaces(owner: Owner, instance: InstanceRecord): void {
  const call = serviceCall(owner);
  const zones = [instance.availabilityZone, instance.secondaryAvailabilityZone];
  const wanted = findSubnetGroup(owner, instance.subnetGroupName)
    .subnets.filter(({ zone }, at, all) => all.findIndex((one) => one.zone === zone) === at)
    .filter(({ zone }) => zones.includes(zone))
    .map(({ id }) => id)
    .sort();
  const present = interfacesOf(instance.arn, call);
  const shape = (subnetId: string, groups: readonly string[]) => `${subnetId} ${[...groups].sort().join()}`;
  const before = present.map(({ SubnetId = '', Groups = [] }) =>
    shape(
      SubnetId,
      Groups.map(({ GroupId = '' }) => GroupId),
    ),
  );
  const after = wanted.map((id) => shape(id, instance.securityGroupIds));
  if (before.sort().join(';') === after.join(';')) return;
  owner.cloud.state.transaction(() => {
    releaseInterfaces(instance.arn, call);
    for (const subnetId of wanted) {
      attachInterface(
        {
          owner: instance.arn,
          subnetId,
          securityGroupIds: instance.securityGroupIds,
          description: 'RDSNetworkInterface',
          type: 'interface',
        },
        call,
      );
    }
  });
}

export function withdrawInterfaces(owner: Owner, instance: InstanceRecord): void {
  releaseInterfaces(instance.arn, serviceCall(owner));
}
