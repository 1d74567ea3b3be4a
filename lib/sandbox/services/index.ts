import type { ResourceHandler, ServiceEmulation } from '../model.ts';
import * as kms from './kms/index.ts';

/** Every emulated service but STS and CloudFormation, which are parts of the sandbox itself. */
export const services: readonly ServiceEmulation[] = [kms.service];

/** What CloudFormation can create, by resource type. */
export const resourceHandlers: readonly ResourceHandler[] = [...kms.resources];
