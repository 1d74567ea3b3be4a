import { Aws, Stack } from 'aws-cdk-lib';
import { CfnDashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Metric } from './alarm.ts';
import type { metricsOf } from './metrics.ts';

export interface DashboardProps {
  readonly practiceId: string;
  readonly metrics: ReturnType<typeof metricsOf>;
}

const width = 8;
const height = 6;
const columns = 24 / width;

/** One page that shows how a practice's silo does. It shows figures, never a person. */
export class Dashboard extends Construct {
  readonly name: string;

  constructor(scope: Construct, id: string, { practiceId, metrics }: DashboardProps) {
    super(scope, id);
    const graphs: ReadonlyArray<readonly [title: string, metrics: readonly Metric[]]> = [
      ['Requests', [metrics.requests]],
      ['Errors of app and entrance', [metrics.appErrors, metrics.entranceErrors]],
      ['Latency, 95th percentile, seconds', [metrics.latency]],
      ['Tasks: healthy, unhealthy', [metrics.healthyTasks, metrics.unhealthyTasks]],
      ['App: CPU and memory, %', [metrics.appCpu, metrics.appMemory]],
      ['Database: CPU, %', [metrics.databaseCpu]],
      ['Database: free storage, bytes', [metrics.freeStorage]],
      ['Database: sessions', [metrics.connections]],
      ['Backups finished; days of the certificate', [metrics.backups, metrics.certificateDays]],
    ];
    const dashboard = new CfnDashboard(this, 'Resource', {
      dashboardName: `lumenality-${practiceId}`,
      dashboardBody: Stack.of(this).toJsonString({
        widgets: graphs.map(([title, shown], index) => ({
          type: 'metric',
          x: (index % columns) * width,
          y: Math.floor(index / columns) * height,
          width,
          height,
          properties: {
            title,
            region: Aws.REGION,
            view: 'timeSeries',
            stacked: false,
            metrics: shown.map(series),
          },
        })),
      }),
    });
    this.name = dashboard.ref;
  }
}

/** `[namespace, name, dimension, value, …, { stat }]` ("Dashboard body structure and syntax"). */
function series({ namespace, name, dimensions, statistic }: Metric): unknown[] {
  return [namespace, name, ...Object.entries(dimensions).flat(), { stat: statistic }];
}
