/** Web ACLs, what they protect and where they log, as they are kept, all addressed by ARN. */
import type { LoggingConfiguration, Tag, WebACL } from '@aws-sdk/client-wafv2';
import { parseArn, recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call, type Table } from '../../model.ts';
import { find, loadBalancers } from '../elbv2/records.ts';

/** `Scope` is REGIONAL: the sandbox has no CloudFront. */
export type WebAclRecord = WebACL & {
  readonly Name: string;
  readonly Id: string;
  readonly ARN: string;
  readonly LockToken: string;
  readonly Tags: Tag[];
};

interface AssociationRecord {
  readonly resourceArn: string;
  readonly webAclArn: string;
}

const aclTable = (call: Call): Table<WebAclRecord> => call.cloud.state.table('wafv2.web-acls');
const associationTable = (call: Call): Table<AssociationRecord> =>
  call.cloud.state.table('wafv2.associations');
const loggingTable = (call: Call): Table<LoggingConfiguration> => call.cloud.state.table('wafv2.logging');

export const aclArn = (name: string | undefined, id: string | undefined, call: Call) =>
  regionalArn('wafv2', call, `regional/webacl/${name ?? ''}/${id ?? ''}`);
/** All, or those whose ARN begins so. */
export const listAcls = (call: Call, arnPrefix = '') => aclTable(call).list(recordKey(call, arnPrefix));
export const findAcl = (arn: string | undefined, call: Call) => aclTable(call).get(recordKey(call, arn));
export const putAcl = (acl: WebAclRecord, call: Call) => aclTable(call).put(recordKey(call, acl.ARN), acl);

export function existingAcl(arn: string | undefined, call: Call): WebAclRecord {
  const acl = findAcl(arn ?? '', call);
  if (acl === undefined) throw nonexistent();
  return acl;
}

/** The ACL goes with its logging configuration. */
export function eraseAcl(arn: string, call: Call): void {
  aclTable(call).delete(recordKey(call, arn));
  loggingTable(call).delete(recordKey(call, arn));
}

export function nonexistent(): AwsError {
  return new AwsError(
    'WAFNonexistentItemException',
    'AWS WAF couldn’t perform the operation because your resource doesn’t exist.',
  );
}

/** @param field WAF's name for what is wrong, for example `LOG_DESTINATION`. */
export function invalidParameter(reason: string, field: string, parameter: string): AwsError {
  return new AwsError(
    'WAFInvalidParameterException',
    `Error reason: ${reason}, field: ${field}, parameter: ${parameter}`,
  );
}

/** What a web ACL can protect here is a load balancer that exists. */
export function checkProtectable(resourceArn: string | undefined, call: Call): string {
  const arn = parseArn(resourceArn ?? '');
  if (arn?.service !== 'elasticloadbalancing' || !arn.resource.startsWith('loadbalancer/app/')) {
    throw invalidParameter(
      "The ARN isn't valid. The sandbox protects Application Load Balancers only.",
      'RESOURCE_ARN',
      resourceArn ?? '',
    );
  }
  if (find(loadBalancers, resourceArn, call) === undefined) throw nonexistent();
  return resourceArn ?? '';
}

/** The association of a load balancer that is gone is gone with it. */
export function associationOf(resourceArn: string, call: Call): AssociationRecord | undefined {
  if (find(loadBalancers, resourceArn, call) === undefined) return undefined;
  return associationTable(call).get(recordKey(call, resourceArn));
}

export function protectedBy(webAclArn: string, call: Call): string[] {
  return associationTable(call)
    .list(recordKey(call))
    .filter((one) => one.webAclArn === webAclArn && associationOf(one.resourceArn, call) !== undefined)
    .map((one) => one.resourceArn);
}

export const putAssociation = (association: AssociationRecord, call: Call) =>
  associationTable(call).put(recordKey(call, association.resourceArn), association);
export const eraseAssociation = (resourceArn: string, call: Call) =>
  associationTable(call).delete(recordKey(call, resourceArn));

export const findLogging = (webAclArn: string, call: Call) =>
  loggingTable(call).get(recordKey(call, webAclArn));
export const listLogging = (call: Call) => loggingTable(call).list(recordKey(call));
export const putLogging = (logging: LoggingConfiguration, call: Call) =>
  loggingTable(call).put(recordKey(call, logging.ResourceArn), logging);
export const eraseLogging = (webAclArn: string, call: Call) =>
  loggingTable(call).delete(recordKey(call, webAclArn));
