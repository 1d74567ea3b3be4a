import type { ResourceHandler, ServiceEmulation } from '../model.ts';
import * as ec2 from './ec2/index.ts';
import * as kms from './kms/index.ts';
import * as secretsmanager from './secretsmanager/index.ts';

/** Every emulated service but STS and CloudFormation, which are parts of the sandbox itself. */
export const services: readonly ServiceEmulation[] = [ec2.service, kms.service, secretsmanager.service];

/** What CloudFormation can create, by resource type. */
export const resourceHandlers: readonly ResourceHandler[] = [
  ...ec2.resources,
  ...kms.resources,
  ...secretsmanager.resources,
];
