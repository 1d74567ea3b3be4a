import { CfnSecurityGroup, CfnSecurityGroupEgress, CfnSecurityGroupIngress } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';

export interface FirewallProps {
  readonly vpcId: string;
  /** The Region's managed prefix list of Amazon S3, the one address range outside the VPC that the app may call. */
  readonly s3PrefixListId: string;
}

export const appPort = 8080;
const httpsPort = 443;
const postgresPort = 5432;

/** Replaces EC2's default "allow all outbound" ("AWS::EC2::SecurityGroup", example "Remove the default egress rule"). */
const noEgress: CfnSecurityGroup.EgressProperty = {
  ipProtocol: '-1',
  cidrIp: '127.0.0.1/32',
  description: 'Nothing leaves, except by the rules that name a destination',
};

/** Who may open a connection to whom, and nobody else: internet → load balancer → app → database and endpoints. */
export class Firewall extends Construct {
  readonly loadBalancerId: string;
  readonly appId: string;
  readonly databaseId: string;
  readonly endpointsId: string;
  private readonly vpcId: string;

  constructor(scope: Construct, id: string, props: FirewallProps) {
    super(scope, id);
    this.vpcId = props.vpcId;
    this.loadBalancerId = this.group('LoadBalancer', 'Load balancer: the only door from the internet', [
      {
        ipProtocol: 'tcp',
        fromPort: httpsPort,
        toPort: httpsPort,
        cidrIp: '0.0.0.0/0',
        description: 'HTTPS from anywhere',
      },
      {
        ipProtocol: 'tcp',
        fromPort: 80,
        toPort: 80,
        cidrIp: '0.0.0.0/0',
        description: 'HTTP, redirected to HTTPS',
      },
    ]);
    this.appId = this.group('App', 'App: reached by the load balancer only');
    this.databaseId = this.group('Database', 'Database: reached by the app only');
    this.endpointsId = this.group('Endpoints', 'AWS endpoints: reached by the app only');

    this.allow('LoadBalancerToApp', this.loadBalancerId, this.appId, appPort);
    this.allow('AppToDatabase', this.appId, this.databaseId, postgresPort);
    this.allow('AppToEndpoints', this.appId, this.endpointsId, httpsPort);
    new CfnSecurityGroupEgress(this, 'AppToS3', {
      groupId: this.appId,
      ipProtocol: 'tcp',
      fromPort: httpsPort,
      toPort: httpsPort,
      destinationPrefixListId: props.s3PrefixListId,
      description: 'Image layers, which ECR keeps in S3',
    });
  }

  private group(
    name: string,
    groupDescription: string,
    ingress: CfnSecurityGroup.IngressProperty[] = [],
  ): string {
    return new CfnSecurityGroup(this, name, {
      vpcId: this.vpcId,
      groupDescription,
      securityGroupEgress: [noEgress],
      ...(ingress.length > 0 && { securityGroupIngress: ingress }),
    }).attrGroupId;
  }

  /** Both ends as resources of their own: rules inside the groups would make the groups depend on each other. */
  private allow(name: string, from: string, to: string, port: number): void {
    const rule = { ipProtocol: 'tcp', fromPort: port, toPort: port };
    new CfnSecurityGroupEgress(this, `${name}Egress`, {
      ...rule,
      groupId: from,
      destinationSecurityGroupId: to,
    });
    new CfnSecurityGroupIngress(this, `${name}Ingress`, {
      ...rule,
      groupId: to,
      sourceSecurityGroupId: from,
    });
  }
}
