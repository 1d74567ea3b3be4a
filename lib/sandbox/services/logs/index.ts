import * as sdk from '@aws-sdk/client-cloudwatch-logs';
import type { ServiceEmulation } from '../../model.ts';
import { eventOperations } from './events.ts';
import { groupOperations } from './groups.ts';
import { resourcePolicyOperations } from './resource-policies.ts';

export { resources } from './resources.ts';

/** Amazon CloudWatch Logs; source: Amazon CloudWatch Logs API Reference. Metric filters and Insights are not emulated. */
export const service: ServiceEmulation = {
  signingName: 'logs',
  sdk,
  operations: { ...groupOperations, ...eventOperations, ...resourcePolicyOperations },
};
