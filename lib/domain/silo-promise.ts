import { DomainError } from './errors.ts';
import type { Release } from './release.ts';
import type { SiloExpectations } from './silo-check.ts';
import { accessIn, type Parameters, taskBounds } from './stack-plan.ts';

/** Where to look for one practice's silo: what its stacks gave out. */
export interface SiloAddress {
  readonly practiceId: string;
  readonly hostName: string;
  readonly keyArn: string;
  readonly vpcId: string;
  readonly loadBalancerArn: string;
  readonly httpsListenerArn: string;
  readonly bucketName: string;
  readonly databaseInstanceId: string;
  readonly databaseSecretArn: string;
  readonly backupVaultName: string;
  readonly clusterName: string;
  readonly serviceName: string;
  readonly serviceArn: string;
}

/** A silo as it is promised: where it is, and what must be true of it. */
export interface SiloPromise {
  readonly address: SiloAddress;
  readonly expectations: SiloExpectations;
}

/**
 * What a silo is held against: the release, what the practice's plan and settings decide (`standing`) and what its own
 * stacks gave out (`outputs`, all in one).
 * @throws DomainError `verification_failed` that names the value that is missing.
 */
export function siloPromise(of: {
  readonly practiceId: string;
  readonly hostName: string;
  readonly release: Release;
  readonly standing: Parameters;
  readonly outputs: Parameters;
}): SiloPromise {
  const { practiceId, hostName, release, standing } = of;
  const output = (name: string): string => valueNamed(of.outputs, name, 'outputs of the silo’s stacks');
  const list = (name: string): string[] => output(name).split(',');
  const chosen = (name: string): string => valueNamed(standing, name, 'parameters of the practice’s shape');
  const address = {
    practiceId,
    hostName,
    keyArn: output('KeyArn'),
    vpcId: output('VpcId'),
    loadBalancerArn: output('LoadBalancerArn'),
    httpsListenerArn: output('HttpsListenerArn'),
    bucketName: output('BucketName'),
    databaseInstanceId: output('DatabaseInstanceId'),
    databaseSecretArn: output('DatabaseSecretArn'),
    backupVaultName: output('BackupVaultName'),
    clusterName: output('ClusterName'),
    serviceName: output('ServiceName'),
    serviceArn: output('ServiceArn'),
  };
  const { keyArn, vpcId, loadBalancerArn, databaseSecretArn, backupVaultName, bucketName } = address;
  return {
    address,
    expectations: {
      practiceId,
      releaseId: release.manifest.id,
      imageDigest: release.manifest.image.digest,
      keyArn,
      vpcId,
      loadBalancerArn,
      databaseSecretArn,
      backupVaultName,
      bucketName,
      webAclArn: output('WebAclArn'),
      appSecurityGroupId: output('AppSecurityGroupId'),
      appLogGroupName: output('AppLogGroupName'),
      databaseInstanceArn: output('DatabaseInstanceArn'),
      databaseSubnetIds: list('DatabaseSubnetIds'),
      appSubnetIds: list('AppSubnetIds'),
      engineVersion: engineVersionIn(release.templates.data),
      multiAz: chosen('MultiAz') === 'true',
      backupRetentionDays: Number(chosen('BackupRetentionDays')),
      access: accessIn(standing),
      ...taskBounds({ ...standing, DesiredCount: chosen('DesiredCount'), MaxCount: chosen('MaxCount') }),
    },
  };
}

function valueNamed(values: Parameters, name: string, where: string): string {
  const value = values[name];
  if (value !== undefined && value !== '') return value;
  throw new DomainError(
    'verification_failed',
    `The silo cannot be verified: ${name} is not among the ${where}.`,
  );
}

function engineVersionIn(dataTemplate: string): string {
  const { Resources = {} } = JSON.parse(dataTemplate) as {
    Resources?: Record<string, { Type?: string; Properties?: Record<string, unknown> }>;
  };
  const database = Object.values(Resources).find(({ Type }) => Type === 'AWS::RDS::DBInstance');
  const version = database?.Properties?.['EngineVersion'];
  if (typeof version === 'string') return version;
  throw new DomainError(
    'verification_failed',
    'The silo cannot be verified: the release’s data template pins no engine version of the database.',
  );
}
