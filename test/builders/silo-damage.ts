import { CloudWatchLogsClient, PutRetentionPolicyCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  EC2Client,
  RevokeSecurityGroupIngressCommand,
} from '@aws-sdk/client-ec2';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import {
  CreateRuleCommand,
  DeleteRuleCommand,
  DescribeListenersCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateDBParameterGroupCommand,
  DescribeDBInstancesCommand,
  ModifyDBInstanceCommand,
  ModifyDBParameterGroupCommand,
  RDSClient,
  StartDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { sandboxDefaults } from '../../lib/config.ts';

/** What somebody with AWS's own tools might do to a silo behind the control plane's back. */
export interface SiloDamage {
  peer(vpcId: string): Promise<void>;
  stopForcingTls(databaseInstanceId: string): Promise<void>;
  disableKey(keyArn: string): Promise<void>;
  /** Takes back what `disableKey` did, for the key and a database that RDS could not open without it. */
  enableKey(keyArn: string, databaseInstanceId: string): Promise<void>;
  /** `outputs` of the service stack. */
  scale(outputs: Readonly<Record<string, string>>, tasks: number): Promise<void>;
  /** Lets anybody on the internet reach a port of whatever is in the security group. */
  openToAll(securityGroupId: string): Promise<void>;
  /** Takes back what `openToAll` did. */
  shut(securityGroupId: string): Promise<void>;
  /** Has the load balancer answer a path over plain HTTP. Resolves to what takes that back. */
  answerPlainly(loadBalancerArn: string): Promise<() => Promise<void>>;
  keepLogs(logGroupName: string, days: number): Promise<void>;
  close(): void;
}

const anybody = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };

export function siloDamage(endpoint: string): SiloDamage {
  const { region, credentials } = sandboxDefaults;
  const settings = { endpoint, region, credentials };
  const ec2 = new EC2Client(settings);
  const ecs = new ECSClient(settings);
  const elb = new ElasticLoadBalancingV2Client(settings);
  const kms = new KMSClient(settings);
  const logs = new CloudWatchLogsClient(settings);
  const rds = new RDSClient(settings);
  return {
    peer: async (vpcId) => {
      const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.99.0.0/16' }));
      await ec2.send(new CreateVpcPeeringConnectionCommand({ VpcId: vpcId, PeerVpcId: Vpc?.VpcId }));
    },
    stopForcingTls: async (DBInstanceIdentifier) => {
      const { DBInstances = [] } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier }));
      const DBParameterGroupName = `lax-${DBInstanceIdentifier}`;
      const DBParameterGroupFamily = `postgres${DBInstances[0]?.EngineVersion?.split('.')[0]}`;
      const Description = 'does not force TLS';
      await rds.send(
        new CreateDBParameterGroupCommand({ DBParameterGroupName, DBParameterGroupFamily, Description }),
      );
      const lax = { ParameterName: 'rds.force_ssl', ParameterValue: '0', ApplyMethod: 'immediate' as const };
      await rds.send(new ModifyDBParameterGroupCommand({ DBParameterGroupName, Parameters: [lax] }));
      await rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier, DBParameterGroupName }));
    },
    disableKey: async (KeyId) => {
      await kms.send(new DisableKeyCommand({ KeyId }));
    },
    enableKey: async (KeyId, DBInstanceIdentifier) => {
      await kms.send(new EnableKeyCommand({ KeyId }));
      await rds.send(new StartDBInstanceCommand({ DBInstanceIdentifier }));
    },
    scale: async ({ ClusterName, ServiceName }, desiredCount) => {
      await ecs.send(new UpdateServiceCommand({ cluster: ClusterName, service: ServiceName, desiredCount }));
    },
    openToAll: async (GroupId) => {
      await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [anybody] }));
    },
    shut: async (GroupId) => {
      await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: [anybody] }));
    },
    answerPlainly: async (LoadBalancerArn) => {
      const { Listeners = [] } = await elb.send(new DescribeListenersCommand({ LoadBalancerArn }));
      const { Rules = [] } = await elb.send(
        new CreateRuleCommand({
          ListenerArn: Listeners.find(({ Protocol }) => Protocol === 'HTTP')?.ListenerArn,
          Priority: 1,
          Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/leak'] } }],
          Actions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '200' } }],
        }),
      );
      return async () => {
        await elb.send(new DeleteRuleCommand({ RuleArn: Rules[0]?.RuleArn }));
      };
    },
    keepLogs: async (logGroupName, retentionInDays) => {
      await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays }));
    },
    close: () => {
      for (const client of [ec2, ecs, elb, kms, logs, rds]) client.destroy();
    },
  };
}
