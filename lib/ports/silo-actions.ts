import type { SecurityGroupFacts } from '../domain/silo-facts.ts';

/** What the control plane does to a silo beside its stacks. Errors are `DomainError`s as in `StackDeployments`. */
export interface SiloActions {
  /**
   * ec2:RevokeSecurityGroupIngress, ec2:RevokeSecurityGroupEgress: takes these rules of a security group away. A rule that
   * is gone already, because an earlier attempt or somebody else revoked it, is no error; read the group again to know.
   */
  revokeRules(group: SecurityGroupFacts, signal?: AbortSignal): Promise<void>;
  /**
   * elasticloadbalancing:ModifyLoadBalancerAttributes: switches a load balancer's deletion protection off, so that its stack can be
   * deleted. One that is gone already is no error.
   */
  allowLoadBalancerDeletion(loadBalancerArn: string, signal?: AbortSignal): Promise<void>;
}
