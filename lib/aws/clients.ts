import { BackupClient } from '@aws-sdk/client-backup';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient } from '@aws-sdk/client-ecs';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { KMSClient } from '@aws-sdk/client-kms';
import { RDSClient } from '@aws-sdk/client-rds';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { STSClient } from '@aws-sdk/client-sts';
import { WAFV2Client } from '@aws-sdk/client-wafv2';
import { DomainError } from '../domain/errors.ts';
import { assertMaySend } from '../ports/may-send.ts';
import { cloudFailure } from './errors.ts';

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

export interface ClientOptions {
  readonly region: string;
  /** Another endpoint than the Region's own, for every service: the sandbox. */
  readonly endpoint?: string;
  /** Fixed keys, or what gives them; without either the SDK's default chain. */
  readonly credentials?: Keys | (() => Promise<Keys>);
}

export interface AwsClients {
  readonly backup: BackupClient;
  readonly cloudFormation: CloudFormationClient;
  readonly cloudWatch: CloudWatchClient;
  readonly ec2: EC2Client;
  readonly ecs: ECSClient;
  readonly elb: ElasticLoadBalancingV2Client;
  readonly kms: KMSClient;
  readonly logs: CloudWatchLogsClient;
  readonly rds: RDSClient;
  readonly s3: S3Client;
  readonly secrets: SecretsManagerClient;
  readonly sts: STSClient;
  readonly tagging: ResourceGroupsTaggingAPIClient;
  readonly waf: WAFV2Client;
  close(): void;
}

/** What every client is made with. Adaptive retries slow down by themselves when AWS throttles. */
export function clientSettings({ region, endpoint, credentials }: ClientOptions) {
  return {
    region,
    retryMode: 'adaptive',
    maxAttempts: 5,
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** The one place that makes the clients of one account and Region. */
export function createClients(options: ClientOptions): AwsClients {
  const settings = clientSettings(options);
  const clients = {
    backup: new BackupClient(settings),
    // Each try takes from the budget that all replicas share, and each throttling is told to it (budgeted-calls.ts).
    cloudFormation: new CloudFormationClient({ ...settings, retryMode: 'standard', maxAttempts: 1 }),
    cloudWatch: new CloudWatchClient(settings),
    ec2: new EC2Client(settings),
    ecs: new ECSClient(settings),
    elb: new ElasticLoadBalancingV2Client(settings),
    kms: new KMSClient(settings),
    logs: new CloudWatchLogsClient(settings),
    rds: new RDSClient(settings),
    // Another endpoint than AWS's own has no name for each bucket.
    s3: new S3Client({ ...settings, forcePathStyle: options.endpoint !== undefined }),
    secrets: new SecretsManagerClient(settings),
    sts: new STSClient(settings),
    tagging: new ResourceGroupsTaggingAPIClient(settings),
    waf: new WAFV2Client(settings),
  };
  for (const client of Object.values(clients)) holdBack(client);
  return {
    ...clients,
    close: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

interface SdkClient {
  readonly config: Pick<STSClient['config'], 'requestHandler'>;
}

/**
 * Asks before each request of a client, tries again included, whether it may still leave. The handler is what sees the caller's signal, after
 * everything that takes its time: credentials, signing and the pauses between tries.
 */
function holdBack({ config: { requestHandler } }: SdkClient): void {
  const handle = requestHandler.handle.bind(requestHandler);
  requestHandler.handle = async (request, options: { abortSignal?: unknown } = {}) => {
    // The SDK's own type of a signal is the least that it needs; ours is what the caller gave.
    assertMaySend(options.abortSignal as AbortSignal | undefined);
    return handle(request, options);
  };
}

/** Makes a call; whatever goes wrong becomes a `DomainError` that names service and operation. */
export async function call<T>(
  service: string,
  operation: string,
  signal: AbortSignal | undefined,
  send: (options: { abortSignal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  try {
    return await send(signal === undefined ? {} : { abortSignal: signal });
  } catch (error) {
    signal?.throwIfAborted();
    // The call did not leave: the role that it needs could not be assumed.
    if (error instanceof DomainError) throw error;
    throw cloudFailure(error, service, operation);
  }
}
