import { Aws, Fn } from 'aws-cdk-lib';
import {
  CfnInternetGateway,
  CfnRoute,
  CfnRouteTable,
  CfnSubnet,
  CfnSubnetRouteTableAssociation,
  CfnVPC,
  CfnVPCGatewayAttachment,
} from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';

/** The same in every silo: silos are never peered, so their addresses may overlap. */
const cidrs = {
  vpc: '10.0.0.0/16',
  public: ['10.0.0.0/24', '10.0.1.0/24'],
  app: ['10.0.16.0/22', '10.0.20.0/22'],
  database: ['10.0.32.0/24', '10.0.33.0/24'],
} as const;

interface Tier {
  readonly subnetIds: [string, string];
  readonly routeTableId: string;
}

/**
 * A VPC over two availability zones. Only the load balancer's subnets have a way to and from the internet; the app's
 * subnets reach AWS through endpoints, and the database's subnets have no route beyond the VPC. There is no NAT
 * gateway and no peering.
 */
export class Network extends Construct {
  readonly vpcId: string;
  readonly public: Tier;
  readonly app: Tier;
  readonly database: Tier;
  /** What must exist before anything can face the internet. */
  readonly internet: CfnVPCGatewayAttachment;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const vpc = new CfnVPC(this, 'Vpc', {
      cidrBlock: cidrs.vpc,
      enableDnsHostnames: true,
      enableDnsSupport: true,
    });
    this.vpcId = vpc.ref;
    this.public = this.tier('Public', cidrs.public);
    this.app = this.tier('App', cidrs.app);
    this.database = this.tier('Database', cidrs.database);

    const gateway = new CfnInternetGateway(this, 'InternetGateway');
    this.internet = new CfnVPCGatewayAttachment(this, 'InternetGatewayAttachment', {
      vpcId: this.vpcId,
      internetGatewayId: gateway.ref,
    });
    const route = new CfnRoute(this, 'PublicRouteToInternet', {
      routeTableId: this.public.routeTableId,
      destinationCidrBlock: '0.0.0.0/0',
      gatewayId: gateway.ref,
    });
    route.addResourceDependency(this.internet);
  }

  private tier(name: string, [first, second]: readonly [string, string]): Tier {
    const routes = new CfnRouteTable(this, `${name}RouteTable`, { vpcId: this.vpcId });
    const subnet = (cidrBlock: string, zone: number): string => {
      const made = new CfnSubnet(this, `${name}Subnet${zone + 1}`, {
        vpcId: this.vpcId,
        cidrBlock,
        availabilityZone: Fn.select(zone, Fn.getAzs(Aws.REGION)),
        mapPublicIpOnLaunch: false,
      });
      new CfnSubnetRouteTableAssociation(this, `${name}Subnet${zone + 1}Routes`, {
        subnetId: made.ref,
        routeTableId: routes.ref,
      });
      return made.ref;
    };
    return { subnetIds: [subnet(first, 0), subnet(second, 1)], routeTableId: routes.ref };
  }
}
