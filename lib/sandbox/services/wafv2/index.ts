/** AWS WAF: web ACLs are checked, recorded and described; no request is judged by them. */
import * as sdk from '@aws-sdk/client-wafv2';
import type { ServiceEmulation } from '../../model.ts';
import * as acls from './web-acls.ts';

export { resources } from './resources.ts';

export const service: ServiceEmulation = {
  signingName: 'wafv2',
  sdk,
  operations: {
    CreateWebACL: (input: sdk.CreateWebACLRequest, call) => acls.createWebAcl(input, call),
    GetWebACL: acls.getWebAcl,
    ListWebACLs: acls.listWebAcls,
    DeleteWebACL: acls.deleteWebAcl,
    AssociateWebACL: acls.associateWebAcl,
    DisassociateWebACL: acls.disassociateWebAcl,
    GetWebACLForResource: acls.getWebAclForResource,
    ListResourcesForWebACL: acls.listResourcesForWebAcl,
    PutLoggingConfiguration: acls.putLoggingConfiguration,
    GetLoggingConfiguration: acls.getLoggingConfiguration,
    ListLoggingConfigurations: acls.listLoggingConfigurations,
    DeleteLoggingConfiguration: acls.deleteLoggingConfiguration,
    ListTagsForResource: acls.listTagsForResource,
  },
};
