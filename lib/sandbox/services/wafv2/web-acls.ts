/** Web ACLs, what they are associated with, and where they log. */
import type * as sdk from '@aws-sdk/client-wafv2';
import { generatedUuid, parseArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { findGroup } from '../logs/records.ts';
import { existingBucket } from '../s3/records.ts';
import {
  aclArn,
  associationOf,
  checkProtectable,
  eraseAcl,
  eraseAssociation,
  eraseLogging,
  existingAcl,
  findAcl,
  findLogging,
  invalidParameter,
  listAcls,
  listLogging,
  nonexistent,
  protectedBy,
  putAcl,
  putAssociation,
  putLogging,
  type WebAclRecord,
} from './records.ts';
import { checkedCapacity, checkMetric } from './rules.ts';

const summary = ({ Name, Id, ARN, Description, LockToken }: WebAclRecord): sdk.WebACLSummary => ({
  Name,
  Id,
  ARN,
  Description: Description ?? '',
  LockToken,
});

function shown({ LockToken: _token, Tags: _tags, ...acl }: WebAclRecord): sdk.WebACL {
  return acl;
}

function checkScope(scope: string | undefined): void {
  if (scope !== 'REGIONAL')
    throw invalidParameter(
      'The sandbox has no CloudFront: the scope is REGIONAL',
      'SCOPE_VALUE',
      scope ?? '',
    );
}

type Settings = Pick<
  sdk.CreateWebACLRequest,
  'DefaultAction' | 'Description' | 'Rules' | 'VisibilityConfig' | 'TokenDomains' | 'CustomResponseBodies'
>;

function settingsOf(input: Settings, Name: string): Omit<sdk.WebACL, 'Name' | 'Id' | 'ARN'> {
  const { Allow, Block } = input.DefaultAction ?? {};
  if ((Allow === undefined) === (Block === undefined))
    throw invalidParameter('You have used none or multiple values for a field', 'DEFAULT_ACTION', Name);
  checkMetric(input.VisibilityConfig?.MetricName ?? '');
  return {
    DefaultAction: input.DefaultAction,
    Description: input.Description,
    Rules: input.Rules ?? [],
    VisibilityConfig: input.VisibilityConfig,
    TokenDomains: input.TokenDomains,
    CustomResponseBodies: input.CustomResponseBodies,
    Capacity: checkedCapacity(input.Rules ?? []),
  };
}

export function createWebAcl(input: sdk.CreateWebACLRequest, call: Call, token = call.requestId) {
  checkScope(input.Scope);
  const Name = input.Name ?? '';
  const Id = generatedUuid(token, 'web-acl');
  const ARN = aclArn(Name, Id, call);
  const made = findAcl(ARN, call);
  if (made !== undefined) return { Summary: summary(made) };
  if (!/^[\w-]{1,128}$/.test(Name)) throw invalidParameter('The name is not valid', 'ENTITY_NAME', Name);
  if (listAcls(call, aclArn(Name, '', call)).length > 0) {
    throw new AwsError(
      'WAFDuplicateItemException',
      'AWS WAF couldn’t perform the operation because some resource in your request is a duplicate of an existing one.',
    );
  }
  const acl: WebAclRecord = {
    ...settingsOf(input, Name),
    Name,
    Id,
    ARN,
    ManagedByFirewallManager: false,
    LabelNamespace: `awswaf:${call.accountId}:webacl:${Name}:`,
    LockToken: generatedUuid(call.requestId, 'lock-token'),
    Tags: input.Tags ?? [],
  };
  putAcl(acl, call);
  return { Summary: summary(acl) };
}

/** What CloudFormation does: everything but the name anew, whatever the lock token. */
export function replaceWebAcl(arn: string, input: Settings & { Tags: sdk.Tag[] }, call: Call): void {
  const { Name, Id, ARN, LabelNamespace, ManagedByFirewallManager } = existingAcl(arn, call);
  putAcl(
    {
      ...settingsOf(input, Name),
      Name,
      Id,
      ARN,
      LabelNamespace,
      ManagedByFirewallManager,
      LockToken: generatedUuid(call.requestId, 'lock-token'),
      Tags: input.Tags,
    },
    call,
  );
}

function namedAcl(
  input: { Name?: string | undefined; Id?: string | undefined; ARN?: string | undefined },
  call: Call,
) {
  const acl = findAcl(input.ARN ?? aclArn(input.Name, input.Id, call), call);
  if (acl === undefined) throw nonexistent();
  return acl;
}

export function getWebAcl(input: sdk.GetWebACLRequest, call: Call) {
  const acl = namedAcl(input, call);
  return { WebACL: shown(acl), LockToken: acl.LockToken };
}

export function listWebAcls(input: sdk.ListWebACLsRequest, call: Call) {
  checkScope(input.Scope);
  return { WebACLs: listAcls(call).map(summary) };
}

export function deleteWebAcl(input: sdk.DeleteWebACLRequest, call: Call) {
  const acl = namedAcl(input, call);
  if (input.LockToken !== acl.LockToken) {
    throw new AwsError(
      'WAFOptimisticLockException',
      'AWS WAF couldn’t save your changes because someone changed the resource after you started to edit it. Reapply your changes.',
    );
  }
  dropWebAcl(acl, call);
  return {};
}

export function dropWebAcl(acl: WebAclRecord, call: Call): void {
  if (protectedBy(acl.ARN, call).length > 0) {
    throw new AwsError(
      'WAFAssociatedItemException',
      'AWS WAF couldn’t perform the operation because your resource is being used by another resource or it’s associated with another resource.',
    );
  }
  eraseAcl(acl.ARN, call);
}

/** A resource that has a web ACL gets this one in its place. */
export function associateWebAcl(input: sdk.AssociateWebACLRequest, call: Call) {
  const resourceArn = checkProtectable(input.ResourceArn, call);
  putAssociation({ resourceArn, webAclArn: existingAcl(input.WebACLArn, call).ARN }, call);
  return {};
}

export function disassociateWebAcl(input: sdk.DisassociateWebACLRequest, call: Call) {
  eraseAssociation(checkProtectable(input.ResourceArn, call), call);
  return {};
}

/** A resource without a web ACL is answered without one. */
export function getWebAclForResource(input: sdk.GetWebACLForResourceRequest, call: Call) {
  const association = associationOf(checkProtectable(input.ResourceArn, call), call);
  const acl = association && findAcl(association.webAclArn, call);
  return acl === undefined ? {} : { WebACL: shown(acl) };
}

export function listResourcesForWebAcl(input: sdk.ListResourcesForWebACLRequest, call: Call) {
  return { ResourceArns: protectedBy(existingAcl(input.WebACLArn, call).ARN, call) };
}

export function putLoggingConfiguration(input: sdk.PutLoggingConfigurationRequest, call: Call) {
  const {
    ResourceArn,
    LogDestinationConfigs = [],
    RedactedFields,
    LoggingFilter,
  } = input.LoggingConfiguration ?? {};
  const acl = existingAcl(ResourceArn, call);
  const [destination, ...others] = LogDestinationConfigs;
  if (destination === undefined || others.length > 0)
    throw invalidParameter(
      'Exactly one destination is needed',
      'LOG_DESTINATION',
      LogDestinationConfigs.join(),
    );
  checkDestination(destination, call);
  const LoggingConfiguration: sdk.LoggingConfiguration = {
    ResourceArn: acl.ARN,
    LogDestinationConfigs: [destination],
    RedactedFields,
    LoggingFilter,
    ManagedByFirewallManager: false,
  };
  putLogging(LoggingConfiguration, call);
  return { LoggingConfiguration };
}

/** A log group or a bucket whose name begins as WAF demands ("Sending web ACL traffic logs"), and that exists. */
function checkDestination(destination: string, call: Call): void {
  const arn = parseArn(destination);
  const name = arn?.service === 'logs' ? arn.resource.replace(/^log-group:|:\*$/g, '') : arn?.resource;
  const isKnown = arn?.service === 'logs' || arn?.service === 's3';
  if (!isKnown || name === undefined || !/^aws-waf-logs-[^:]*$/.test(name)) {
    throw invalidParameter(
      "The ARN isn't valid. A log destination is the ARN of a log group or a bucket whose name begins with aws-waf-logs-.",
      'LOG_DESTINATION',
      destination,
    );
  }
  try {
    if (arn.service === 'logs') findGroup(call, undefined, destination);
    else existingBucket(name, call);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new AwsError(
      'WAFLogDestinationPermissionIssueException',
      `The operation failed because AWS WAF cannot write to ${destination}: ${error.message}`,
    );
  }
}

export function getLoggingConfiguration(
  { ResourceArn = '' }: sdk.GetLoggingConfigurationRequest,
  call: Call,
) {
  const LoggingConfiguration = findLogging(ResourceArn, call);
  if (LoggingConfiguration === undefined) throw nonexistent();
  return { LoggingConfiguration };
}

export function listLoggingConfigurations(_input: sdk.ListLoggingConfigurationsRequest, call: Call) {
  return { LoggingConfigurations: listLogging(call) };
}

export function deleteLoggingConfiguration(
  { ResourceArn = '' }: sdk.DeleteLoggingConfigurationRequest,
  call: Call,
) {
  if (findLogging(ResourceArn, call) === undefined) throw nonexistent();
  eraseLogging(ResourceArn, call);
  return {};
}

export function listTagsForResource({ ResourceARN }: sdk.ListTagsForResourceRequest, call: Call) {
  const acl = existingAcl(ResourceARN, call);
  return { TagInfoForResource: { ResourceARN: acl.ARN, TagList: acl.Tags } };
}
