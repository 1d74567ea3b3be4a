import type { SecurityGroupFacts } from '../domain/silo-facts.ts';

/** What the control plane does to a silo beside its stacks. Errors are `DomainError`s as in `StackDeployments`. */
export interface SiloActions {
  /**
   * ec2:RevokeSecurityGroupIngress, ec2:RevokeSecurityGroupEgress: takes these rules of a security group away. A rule that
   * is gone already, because an earlier attempt or somebody else revoked it, is no error; read the group again to know.
   */
  revokeRules(group: SecurityGroupFacts, signal?: AbortSignal): Promise<void>;
}
