import type {
  BackupPlanFacts,
  BackupVaultFacts,
  BucketFacts,
  DatabaseFacts,
  EndpointFacts,
  IngressRule,
  KeyFacts,
  ListenerFacts,
  ListenerRuleFacts,
  LoadBalancerFacts,
  LogGroupFacts,
  NetworkConnection,
  RouteTableFacts,
  SecretFacts,
  SecurityGroupFacts,
  ServiceFacts,
  TargetGroupFacts,
  TaskDefinitionFacts,
  TaskFacts,
  WebAclFacts,
} from '../domain/silo-facts.ts';

/**
 * What verification reads of a silo, one method a question. None can read what a practice keeps: no decryption, no
 * secret value, no connection to a database. Errors are `DomainError`s as in `StackDeployments`; a thing that does
 * not exist is an error too.
 */
export interface SiloReads {
  /** kms:DescribeKey, kms:GetKeyRotationStatus, kms:GetKeyPolicy, kms:ListResourceTags. */
  key(keyArn: string, signal?: AbortSignal): Promise<KeyFacts>;
  /** rds:DescribeDBInstances. */
  database(instanceId: string, signal?: AbortSignal): Promise<DatabaseFacts>;
  /** rds:DescribeDBInstances; whether an instance is there at all. */
  databaseExists(instanceId: string, signal?: AbortSignal): Promise<boolean>;
  /** rds:DescribeDBParameters; undefined when the group does not know the parameter. */
  databaseParameter(group: string, parameter: string, signal?: AbortSignal): Promise<string | undefined>;
  /** secretsmanager:DescribeSecret; never the value. */
  secret(secretArn: string, signal?: AbortSignal): Promise<SecretFacts>;
  /** ec2:DescribeVpcs. */
  vpcTags(vpcId: string, signal?: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** ec2:DescribeVpcPeeringConnections, DescribeTransitGatewayVpcAttachments, DescribeVpnGateways; those not deleted. */
  networkConnections(vpcId: string, signal?: AbortSignal): Promise<NetworkConnection[]>;
  /** ec2:DescribeRouteTables. */
  routeTables(vpcId: string, signal?: AbortSignal): Promise<RouteTableFacts[]>;
  /** ec2:DescribeSecurityGroupRules, inbound only. */
  ingress(securityGroupId: string, signal?: AbortSignal): Promise<IngressRule[]>;
  /** ec2:DescribeSecurityGroups, ec2:DescribeSecurityGroupRules: every group of the VPC. */
  securityGroups(vpcId: string, signal?: AbortSignal): Promise<SecurityGroupFacts[]>;
  /** The same, of the one group that every VPC is born with. */
  defaultSecurityGroup(vpcId: string, signal?: AbortSignal): Promise<SecurityGroupFacts>;
  /** ec2:DescribeVpcEndpoints; those that are not deleted. */
  endpoints(vpcId: string, signal?: AbortSignal): Promise<EndpointFacts[]>;
  /** elasticloadbalancing:DescribeLoadBalancers, DescribeLoadBalancerAttributes. */
  loadBalancer(loadBalancerArn: string, signal?: AbortSignal): Promise<LoadBalancerFacts>;
  /** wafv2:GetWebACLForResource, wafv2:GetLoggingConfiguration; undefined when the load balancer has none. */
  webAcl(loadBalancerArn: string, signal?: AbortSignal): Promise<WebAclFacts | undefined>;
  /** s3:GetEncryptionConfiguration, s3:GetBucketPublicAccessBlock, s3:GetBucketVersioning, s3:GetBucketPolicy; no object. */
  bucket(name: string, signal?: AbortSignal): Promise<BucketFacts>;
  /** backup:DescribeBackupVault. */
  backupVault(name: string, signal?: AbortSignal): Promise<BackupVaultFacts>;
  /** backup:GetBackupPlan, backup:ListBackupSelections, backup:GetBackupSelection. */
  backupPlan(planId: string, signal?: AbortSignal): Promise<BackupPlanFacts>;
  /** logs:DescribeLogGroups, by the start of their names; no log line. */
  logGroups(prefix: string, signal?: AbortSignal): Promise<LogGroupFacts[]>;
  /** elasticloadbalancing:DescribeListeners. */
  listener(listenerArn: string, signal?: AbortSignal): Promise<ListenerFacts>;
  /** elasticloadbalancing:DescribeRules; in the order of their priorities, the default last. */
  rules(listenerArn: string, signal?: AbortSignal): Promise<ListenerRuleFacts[]>;
  /** elasticloadbalancing:DescribeTargetGroups; every group that the load balancer forwards to. */
  targetGroups(loadBalancerArn: string, signal?: AbortSignal): Promise<TargetGroupFacts[]>;
  /** ecs:DescribeServices. */
  service(cluster: string, serviceArn: string, signal?: AbortSignal): Promise<ServiceFacts>;
  /** ecs:DescribeTaskDefinition. */
  taskDefinition(taskDefinitionArn: string, signal?: AbortSignal): Promise<TaskDefinitionFacts>;
  /** ecs:ListTasks, ecs:DescribeTasks. */
  tasks(cluster: string, serviceName: string, signal?: AbortSignal): Promise<TaskFacts[]>;
}
