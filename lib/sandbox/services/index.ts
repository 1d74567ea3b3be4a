import type { ResourceHandler, ServiceEmulation } from '../model.ts';

/** Every emulated service but STS and CloudFormation, which are parts of the sandbox itself. */
export const services: readonly ServiceEmulation[] = [];

/** What CloudFormation can create, by resource type. */
export const resourceHandlers: readonly ResourceHandler[] = [];
