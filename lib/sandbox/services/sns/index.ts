/** Amazon SNS: topics with their policies and subscriptions, recorded and described. */
import * as sdk from '@aws-sdk/client-sns';
import type { ServiceEmulation } from '../../model.ts';
import { topicOperations } from './topics.ts';

export { resources } from './resources.ts';

export const service: ServiceEmulation = { signingName: 'sns', sdk, operations: topicOperations };
