/** What RDS refuses about a DB instance before it makes or changes one ("CreateDBInstance", Amazon RDS API Reference). */
import type { DescribeInternetGatewaysResult, DescribeSecurityGroupsResult } from '@aws-sdk/client-ec2';
import { AwsError, type Call } from '../../model.ts';
import { certificates, engine, logTypes, resolveVersion } from './engine.ts';
import type { SubnetGroupRecord } from './records.ts';

const invalid = (message: string): AwsError => new AwsError('InvalidParameterValue', message);
const combination = (message: string): AwsError => new AwsError('InvalidParameterCombination', message);

/** Names that PostgreSQL or RDS keeps for itself. */
const reservedUsernames = new Set([
  'admin',
  'rdsadmin',
  'rdsrepladmin',
  'rdstopmgr',
  'rds_superuser',
  'public',
  'postgresql',
  'user',
  'all',
]);
const storageTypes: Readonly<Record<string, number>> = { gp2: 20, gp3: 20, io1: 100, io2: 100 };
const storageLimitGib = 65_536;

export function checkedEngine(name: string | undefined): void {
  if (name !== engine) throw invalid(`Invalid DB engine: ${name ?? ''}. The sandbox runs ${engine} only.`);
}

export function checkedVersion(asked: string | undefined): string {
  const version = resolveVersion(asked);
  if (version === undefined) throw combination(`Cannot find version ${asked} for ${engine}`);
  return version;
}

export function checkedClass(name: string | undefined): string {
  if (name === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter DBInstanceClass.');
  if (!/^db\.[a-z]+\d+[a-z]*\.(micro|small|medium|large|\d*xlarge|metal)$/.test(name))
    throw invalid(`Invalid DB Instance class: ${name}`);
  return name;
}

/** GiB. */
export function checkedStorage(size: number | undefined, type: string): number {
  const least = storageTypes[type];
  if (least === undefined) throw invalid(`Invalid storage type: ${type}`);
  if (size === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter AllocatedStorage.');
  if (!Number.isInteger(size) || size < least || size > storageLimitGib) {
    throw invalid(`Invalid storage size for engine name ${engine} and storage type ${type}: ${size}`);
  }
  return size;
}

export function checkedDatabaseName(name: string | undefined): string | undefined {
  if (name !== undefined && !/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name)) {
    throw invalid('DBName must begin with a letter and contain only alphanumeric characters.');
  }
  return name;
}

export function checkedUsername(name: string | undefined): string {
  if (name === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter MasterUsername.');
  if (!/^[A-Za-z][A-Za-z0-9_]{0,62}$/.test(name)) {
    throw invalid(
      'The parameter MasterUsername must match the pattern: begin with a letter, then letters, digits and underscores, 63 at most.',
    );
  }
  if (reservedUsernames.has(name.toLowerCase()) || name.toLowerCase().startsWith('pg_')) {
    throw invalid(`MasterUsername ${name} cannot be used as it is a reserved word used by the engine`);
  }
  return name;
}

export function checkedPassword(password: string): string {
  if (password.length < 8)
    throw invalid(
      'The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.',
    );
  if (password.length > 128)
    throw invalid(
      'The parameter MasterUserPassword is not a valid password because it is longer than 128 characters.',
    );
  if (!/^[\x21-\x7e]+$/.test(password) || /[/@"]/.test(password)) {
    throw invalid(
      `The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '"', ' ' may be used.`,
    );
  }
  return password;
}

export function checkedRetention(days: number): number {
  if (!Number.isInteger(days) || days < 0 || days > 35)
    throw invalid(`Invalid backup retention period: ${days}. Must be between 0 and 35.`);
  return days;
}

export function checkedPort(port: number): number {
  if (!Number.isInteger(port) || port < 1150 || port > 65_535)
    throw invalid(`Invalid port number: ${port}. Must be between 1150 and 65535.`);
  return port;
}

export function checkedCertificate(id: string): string {
  if (!certificates.some((certificate) => certificate.id === id))
    throw new AwsError('CertificateNotFound', `Certificate not found: ${id}`, 404);
  return id;
}

export function checkedLogTypes(types: readonly string[]): readonly string[] {
  const wrong = types.filter((type) => !logTypes.includes(type));
  if (wrong.length > 0)
    throw combination(`You cannot use the log types '${wrong.join(', ')}' with engine version ${engine}.`);
  return types;
}

/** The security groups that an instance gets; the VPC's own default one when the request names none. */
export async function checkedSecurityGroups(
  call: Call,
  ids: readonly string[] | undefined,
  vpcId: string,
): Promise<string[]> {
  const named = ids !== undefined && ids.length > 0;
  const query = named
    ? { GroupIds: ids }
    : {
        Filters: [
          { Name: 'vpc-id', Values: [vpcId] },
          { Name: 'group-name', Values: ['default'] },
        ],
      };
  const answer = await securityGroups(call, query);
  const foreign = (answer.SecurityGroups ?? []).find((group) => group.VpcId !== vpcId);
  if (foreign !== undefined) {
    throw combination(
      `The DB instance and EC2 security group are in different VPCs. The DB instance is in ${vpcId} and the EC2 security group is in ${foreign.VpcId}`,
    );
  }
  return (answer.SecurityGroups ?? []).flatMap(({ GroupId }) => (GroupId === undefined ? [] : [GroupId]));
}

async function securityGroups(call: Call, query: object): Promise<DescribeSecurityGroupsResult> {
  try {
    return await call.cloud.invoke<DescribeSecurityGroupsResult>(
      'ec2',
      'DescribeSecurityGroups',
      query,
      call,
    );
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw invalid(`Invalid security group. (EC2: ${error.message})`);
  }
}

/** A publicly accessible instance needs a VPC that the internet reaches. */
export async function refusePublicWithoutGateway(call: Call, group: SubnetGroupRecord): Promise<void> {
  const query = { Filters: [{ Name: 'attachment.vpc-id', Values: [group.vpcId] }] };
  const answer = await call.cloud.invoke<DescribeInternetGatewaysResult>(
    'ec2',
    'DescribeInternetGateways',
    query,
    call,
  );
  if ((answer.InternetGateways ?? []).length === 0) {
    throw new AwsError(
      'InvalidVPCNetworkStateFault',
      'Cannot create a publicly accessible DBInstance.  The specified VPC has no internet gateway attached. Update the VPC and then try again',
    );
  }
}

/** A class, and what goes with it, that RDS refuses together. */
export function refuseStorageCombination(encrypted: boolean, kmsKeyId: string | undefined): void {
  if (kmsKeyId !== undefined && !encrypted) {
    throw combination(
      'KmsKeyId can only be specified with StorageEncrypted: an instance that is not encrypted has no key.',
    );
  }
}
