/** Amazon CloudWatch: alarms and dashboards, recorded and described. There are no metrics. */
import * as sdk from '@aws-sdk/client-cloudwatch';
import type { ServiceEmulation } from '../../model.ts';
import { alarmOperations } from './alarms.ts';
import { dashboardOperations } from './dashboards.ts';

export { resources } from './resources.ts';

export const service: ServiceEmulation = {
  signingName: 'monitoring',
  sdk,
  operations: { ...alarmOperations, ...dashboardOperations },
};
