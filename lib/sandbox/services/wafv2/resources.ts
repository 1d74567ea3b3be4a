/** Web ACLs, their associations and their logging in CloudFormation. Recorded: they stop no request. */
import type * as sdk from '@aws-sdk/client-wafv2';
import { generatedName } from '../../identifiers.ts';
import { AwsError, type ResourceContext, type ResourceHandler } from '../../model.ts';
import { listOf, tagListOf, textOf } from '../properties.ts';
import {
  aclArn,
  associationOf,
  eraseAssociation,
  eraseLogging,
  existingAcl,
  findAcl,
  findLogging,
} from './records.ts';
import * as acls from './web-acls.ts';

type Properties = Record<string, unknown>;

const notEmulated = [
  'AssociationConfig',
  'CaptchaConfig',
  'ChallengeConfig',
  'DataProtectionConfig',
  'ApplicationConfig',
  'OnSourceDDoSProtectionConfig',
  'MonetizationConfig',
];

function settingsOf(p: Properties, c: ResourceContext) {
  const asked = notEmulated.find((name) => p[name] !== undefined);
  if (asked !== undefined)
    throw new AwsError(
      'WAFInvalidParameterException',
      `The sandbox does not emulate ${asked} of AWS::WAFv2::WebACL: leave it out.`,
    );
  return {
    DefaultAction: p['DefaultAction'] as sdk.DefaultAction,
    Description: textOf(p['Description']),
    Rules: listOf<sdk.Rule>(p['Rules']),
    VisibilityConfig: p['VisibilityConfig'] as sdk.VisibilityConfig,
    TokenDomains: p['TokenDomains'] as string[] | undefined,
    CustomResponseBodies: p['CustomResponseBodies'] as Record<string, sdk.CustomResponseBody> | undefined,
    Tags: tagListOf(p, c),
  };
}

function outcomeOf(arn: string, c: ResourceContext) {
  const { Name, Id, ARN, Capacity, LabelNamespace } = existingAcl(arn, c);
  return {
    physicalId: `${Name}|${Id}|REGIONAL`,
    attributes: { Arn: ARN, Id, Capacity, LabelNamespace },
  };
}

/** The ACL behind `name|id|scope`. */
function aclOf(physicalId: string, c: ResourceContext) {
  const [name, id] = physicalId.split('|');
  return findAcl(aclArn(name, id, c), c);
}

const webAcl: ResourceHandler = {
  type: 'AWS::WAFv2::WebACL',
  fidelity: 'recorded',
  create(p, c) {
    const input = {
      ...settingsOf(p, c),
      Name: textOf(p['Name']) ?? generatedName(c, 128),
      Scope: p['Scope'] as sdk.Scope,
    };
    return outcomeOf(acls.createWebAcl(input, c, c.token).Summary.ARN ?? '', c);
  },
  update(physicalId, p, _previous, c) {
    const arn = aclOf(physicalId, c)?.ARN ?? '';
    acls.replaceWebAcl(arn, settingsOf(p, c), c);
    return outcomeOf(arn, c);
  },
  read(physicalId, _p, c) {
    const acl = aclOf(physicalId, c);
    return Promise.resolve(
      acl && {
        Name: acl.Name,
        Scope: 'REGIONAL',
        DefaultAction: acl.DefaultAction,
        Description: acl.Description,
        Rules: acl.Rules,
        VisibilityConfig: acl.VisibilityConfig,
        Tags: acl.Tags,
      },
    );
  },
  delete(physicalId, _p, c) {
    const acl = aclOf(physicalId, c);
    if (acl !== undefined) acls.dropWebAcl(acl, c);
  },
};

const association: ResourceHandler = {
  type: 'AWS::WAFv2::WebACLAssociation',
  fidelity: 'recorded',
  create(p, c) {
    const ResourceArn = textOf(p['ResourceArn']) ?? '';
    const WebACLArn = textOf(p['WebACLArn']) ?? '';
    const present = associationOf(ResourceArn, c);
    if (present !== undefined && present.webAclArn !== WebACLArn) {
      throw new AwsError(
        'WAFAssociatedItemException',
        `${ResourceArn} is already associated with ${present.webAclArn}. A resource has one web ACL.`,
      );
    }
    acls.associateWebAcl({ ResourceArn, WebACLArn }, c);
    return { physicalId: `${ResourceArn}|${WebACLArn}`, attributes: {} };
  },
  update: (physicalId) => ({ physicalId, attributes: {} }),
  /** An association with another web ACL is another resource: this one is gone. */
  read(physicalId, _p, c) {
    const [ResourceArn = '', WebACLArn] = physicalId.split('|');
    const isThere = associationOf(ResourceArn, c)?.webAclArn === WebACLArn;
    return Promise.resolve(isThere ? { ResourceArn, WebACLArn } : undefined);
  },
  delete(physicalId, _p, c) {
    const [resourceArn = '', webAclArn] = physicalId.split('|');
    if (associationOf(resourceArn, c)?.webAclArn === webAclArn) eraseAssociation(resourceArn, c);
  },
};

const logging: ResourceHandler = {
  type: 'AWS::WAFv2::LoggingConfiguration',
  fidelity: 'recorded',
  create: putLogging,
  update: (_physicalId, p, _previous, c) => putLogging(p, c),
  read: (physicalId, _p, c) => Promise.resolve(findLogging(physicalId, c) as Properties | undefined),
  delete(physicalId, _p, c) {
    if (findLogging(physicalId, c) !== undefined) eraseLogging(physicalId, c);
  },
};

function putLogging(p: Properties, c: ResourceContext) {
  const LoggingConfiguration = {
    ResourceArn: textOf(p['ResourceArn']),
    LogDestinationConfigs: listOf(p['LogDestinationConfigs']),
    RedactedFields: p['RedactedFields'] as sdk.FieldToMatch[] | undefined,
    LoggingFilter: p['LoggingFilter'] as sdk.LoggingFilter | undefined,
  };
  acls.putLoggingConfiguration({ LoggingConfiguration }, c);
  return {
    physicalId: textOf(p['ResourceArn']) ?? '',
    attributes: { ManagedByFirewallManager: false },
  };
}

export const resources: readonly ResourceHandler[] = [webAcl, association, logging];
