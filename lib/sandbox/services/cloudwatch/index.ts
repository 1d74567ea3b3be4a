/** Amazon CloudWatch: the figures of load balancers, alarms on them, and what else is recorded and described. */
import * as sdk from '@aws-sdk/client-cloudwatch';
import type { ServiceEmulation } from '../../model.ts';
import { alarmOperations } from './alarms.ts';
import { dashboardOperations } from './dashboards.ts';
import { metricOperations } from './metrics.ts';

export { resources } from './resources.ts';

export const service: ServiceEmulation = {
  signingName: 'monitoring',
  sdk,
  operations: { ...alarmOperations, ...dashboardOperations, ...metricOperations },
};
