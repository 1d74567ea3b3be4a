import { RevokeSecurityGroupEgressCommand, RevokeSecurityGroupIngressCommand } from '@aws-sdk/client-ec2';
import { ModifyLoadBalancerAttributesCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { SiloActions } from '../ports/silo-actions.ts';
import { type AwsClients, call } from './clients.ts';
import { awsCodeOf } from './errors.ts';

/** The port by the services' own operations. */
export function siloActions({ ec2, elb }: AwsClients): SiloActions {
  return {
    revokeRules: async ({ id: GroupId, rules }, signal) => {
      const idsOf = (outbound: boolean) =>
        rules.filter((rule) => rule.outbound === outbound).map((rule) => rule.id);
      const [inbound, outbound] = [idsOf(false), idsOf(true)];
      if (inbound.length > 0) {
        const command = new RevokeSecurityGroupIngressCommand({ GroupId, SecurityGroupRuleIds: inbound });
        await unlessGone(() =>
          call('ec2', 'RevokeSecurityGroupIngress', signal, (options) => ec2.send(command, options)),
        );
      }
      if (outbound.length > 0) {
        const command = new RevokeSecurityGroupEgressCommand({ GroupId, SecurityGroupRuleIds: outbound });
        await unlessGone(() =>
          call('ec2', 'RevokeSecurityGroupEgress', signal, (options) => ec2.send(command, options)),
        );
      }
    },
    allowLoadBalancerDeletion: async (LoadBalancerArn, signal) => {
      const Attributes = [{ Key: 'deletion_protection.enabled', Value: 'false' }];
      const command = new ModifyLoadBalancerAttributesCommand({ LoadBalancerArn, Attributes });
      await unlessGone(() =>
        call('elasticloadbalancing', 'ModifyLoadBalancerAttributes', signal, (options) =>
          elb.send(command, options),
        ),
      );
    },
  };
}

/** "Error codes for the Amazon EC2 API": a rule that was named is not there (any more). */
const goneCodes = new Set([
  'InvalidPermission.NotFound',
  'InvalidSecurityGroupRuleId.NotFound',
  // "ModifyLoadBalancerAttributes", Elastic Load Balancing API Reference, by its code and by the SDK's name for it.
  'LoadBalancerNotFound',
  'LoadBalancerNotFoundException',
]);

async function unlessGone(change: () => Promise<unknown>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!goneCodes.has(awsCodeOf(error) ?? '')) throw error;
  }
}
