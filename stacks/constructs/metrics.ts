import { Fn } from 'aws-cdk-lib';
import type { Metric } from './alarm.ts';

export interface MetricSources {
  readonly loadBalancerArn: string;
  /** `targetgroup/<name>/<id>` */
  readonly targetGroupFullName: string;
  readonly clusterName: string;
  readonly serviceName: string;
  readonly databaseInstanceId: string;
  readonly certificateArn: string;
  readonly backupVaultName: string;
}

/** What the alarms and the dashboard of one silo look at. Each name stands on the page of AWS's that lists the service's metrics. */
export function metricsOf(sources: MetricSources) {
  const targets = targetMetrics(sources.loadBalancerArn, sources.targetGroupFullName);
  const service = (name: string, statistic: string): Metric => ({
    namespace: 'AWS/ECS',
    name,
    statistic,
    dimensions: { ClusterName: sources.clusterName, ServiceName: sources.serviceName },
  });
  const database = (name: string, statistic: string): Metric => ({
    namespace: 'AWS/RDS',
    name,
    statistic,
    dimensions: { DBInstanceIdentifier: sources.databaseInstanceId },
  });
  return {
    ...targets,
    appCpu: service('CPUUtilization', 'Average'),
    appMemory: service('MemoryUtilization', 'Average'),
    databaseCpu: database('CPUUtilization', 'Average'),
    freeStorage: database('FreeStorageSpace', 'Minimum'),
    connections: database('DatabaseConnections', 'Maximum'),
    certificateDays: {
      namespace: 'AWS/CertificateManager',
      name: 'DaysToExpiry',
      statistic: 'Minimum',
      dimensions: { CertificateArn: sources.certificateArn },
    },
    backups: {
      namespace: 'AWS/Backup',
      name: 'NumberOfBackupJobsCompleted',
      statistic: 'Sum',
      dimensions: { BackupVaultName: sources.backupVaultName },
    },
  } as const satisfies Record<string, Metric>;
}

/** What the load balancer counts of its targets. */
export function targetMetrics(loadBalancerArn: string, targetGroupFullName: string) {
  // CloudWatch wants what follows `loadbalancer/` in the ARN.
  const LoadBalancer = Fn.select(1, Fn.split(':loadbalancer/', loadBalancerArn));
  const ofTargets = (name: string, statistic: string): Metric => ({
    namespace: 'AWS/ApplicationELB',
    name,
    statistic,
    dimensions: { LoadBalancer, TargetGroup: targetGroupFullName },
  });
  return {
    requests: ofTargets('RequestCount', 'Sum'),
    appErrors: ofTargets('HTTPCode_Target_5XX_Count', 'Sum'),
    latency: ofTargets('TargetResponseTime', 'p95'),
    // The zone with the most: zero means that there is none anywhere.
    healthyTasks: ofTargets('HealthyHostCount', 'Maximum'),
    unhealthyTasks: ofTargets('UnHealthyHostCount', 'Maximum'),
    /** Answers that the load balancer gave in the app's place. */
    entranceErrors: {
      namespace: 'AWS/ApplicationELB',
      name: 'HTTPCode_ELB_5XX_Count',
      statistic: 'Sum',
      dimensions: { LoadBalancer },
    },
  } as const satisfies Record<string, Metric>;
}
