/** Application Auto Scaling: what may scale between which bounds, recorded and described. */
import * as sdk from '@aws-sdk/client-application-auto-scaling';
import type { ServiceEmulation } from '../../model.ts';
import { operations } from './targets.ts';

export { resources } from './resources.ts';

export const service: ServiceEmulation = { signingName: 'application-autoscaling', sdk, operations };
