import { setTimeout as sleep } from 'node:timers/promises';
import { AwsError } from './model.ts';

type Action = 'create' | 'update' | 'delete';

/** Seconds that CloudFormation waits until one resource is stable. */
type Seconds = Readonly<Record<Action, number>>;

/** What is not named here. */
const usual: Seconds = { create: 5, update: 5, delete: 5 };

/**
 * Rounded from what stacks in us-east-1 were seen to take; nothing that AWS promises. The long ones decide how long a
 * silo takes: the database, the load balancer, interface endpoints and the service.
 */
const onAws: Readonly<Record<string, Seconds>> = {
  'AWS::CertificateManager::Certificate': { create: 120, update: 5, delete: 5 },
  'AWS::EC2::EIP': { create: 15, update: 5, delete: 15 },
  'AWS::EC2::InternetGateway': { create: 15, update: 5, delete: 5 },
  'AWS::EC2::NatGateway': { create: 110, update: 5, delete: 60 },
  'AWS::EC2::RouteTable': { create: 10, update: 5, delete: 5 },
  'AWS::EC2::VPC': { create: 12, update: 5, delete: 5 },
  'AWS::EC2::VPCEndpoint': { create: 20, update: 15, delete: 15 },
  'AWS::ECS::Service': { create: 180, update: 180, delete: 120 },
  'AWS::ElasticLoadBalancingV2::LoadBalancer': { create: 150, update: 15, delete: 20 },
  'AWS::IAM::ManagedPolicy': { create: 15, update: 15, delete: 5 },
  'AWS::IAM::Policy': { create: 15, update: 15, delete: 5 },
  'AWS::IAM::Role': { create: 15, update: 15, delete: 5 },
  'AWS::RDS::DBInstance': { create: 480, update: 60, delete: 300 },
  'AWS::Route53::RecordSet': { create: 40, update: 40, delete: 40 },
  'AWS::S3::Bucket': { create: 20, update: 20, delete: 10 },
};

const interfaceEndpoint: Seconds = { create: 90, update: 60, delete: 120 };
const multiAzDatabase: Seconds = { create: 840, update: 60, delete: 300 };

function secondsOf(type: string, properties: Readonly<Record<string, unknown>>): Seconds {
  if (type === 'AWS::EC2::VPCEndpoint' && properties['VpcEndpointType'] === 'Interface')
    return interfaceEndpoint;
  if (type === 'AWS::RDS::DBInstance' && String(properties['MultiAZ']) === 'true') return multiAzDatabase;
  return onAws[type] ?? usual;
}

/** How long the sandbox takes over a stack's resources: as long as it needs, or as AWS would, on a scale. */
export interface Latency {
  /** `{"profile": "aws", "timeScale": 0.01}` or `{"profile": "none"}`. @throws AwsError `ValidationError`. */
  set(request: unknown): void;
  /** Whether resources take longer than they need. */
  isOn(): boolean;
  /** The profile, and its seconds by resource type (before the scale). */
  describe(): object;
  /** Waits until a resource that was asked for would be stable on AWS. Rejects when the operation is cancelled. */
  wait(
    type: string,
    action: Action,
    properties: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<void>;
}

const refuse = (message: string) => new AwsError('ValidationError', `Latency: ${message}`);

export function createLatency(): Latency {
  let timeScale: number | undefined;
  return {
    set(request) {
      const { profile, timeScale: scale = 1 } = request as Record<string, unknown>;
      if (profile !== 'aws' && profile !== 'none') throw refuse('"profile" must be aws or none.');
      if (typeof scale !== 'number' || !(scale > 0 && scale <= 1))
        throw refuse('"timeScale" must be more than 0 and at most 1.');
      timeScale = profile === 'aws' ? scale : undefined;
    },
    isOn: () => timeScale !== undefined,
    describe: () =>
      timeScale === undefined
        ? { profile: 'none' }
        : {
            profile: 'aws',
            timeScale,
            seconds: {
              ...onAws,
              'AWS::EC2::VPCEndpoint (Interface)': interfaceEndpoint,
              'AWS::RDS::DBInstance (MultiAZ)': multiAzDatabase,
              others: usual,
            },
          },
    async wait(type, action, properties, signal) {
      if (timeScale === undefined) return;
      await sleep(secondsOf(type, properties)[action] * 1000 * timeScale, undefined, { signal });
    },
  };
}
