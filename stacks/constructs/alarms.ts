import { Construct } from 'constructs';
import type { Access } from './access.ts';
import { Alarm, type AlarmProps } from './alarm.ts';
import type { metricsOf } from './metrics.ts';

export interface AlarmsProps {
  readonly topicArn: string;
  readonly access: Access;
  readonly metrics: ReturnType<typeof metricsOf>;
}

const minute = 60;
const fiveMinutes = 5 * minute;
const day = 24 * 60 * minute;
const gib = 1024 ** 3;

/**
 * What somebody has to be told about one silo, from figures that cost nothing. An alarm costs 0.10 USD a month and some attention, so
 * each answers a question that no other does. What the app's own errors mean for a deployment stands with the service, and how many
 * tasks should run and do not, which only Container Insights counts, is read by verification and by the drift reconciler.
 */
export class Alarms extends Construct {
  constructor(scope: Construct, id: string, { topicArn, access, metrics }: AlarmsProps) {
    super(scope, id);
    const alarms: Readonly<Record<string, Omit<AlarmProps, 'topicArn'>>> = {
      Offline: {
        description:
          'No task of the app is healthy: the practice cannot work. See the events and stopped tasks of the ECS service.',
        metric: metrics.healthyTasks,
        comparison: 'below',
        threshold: 1,
        periodSeconds: minute,
        periods: { crossed: 3, of: 3 },
        // A target group without targets has nothing to count: silence is the worst case.
        missingData: 'breaching',
        tells: access.whetherOpen,
      },
      UnhealthyTasks: {
        description: 'A task runs and does not answer its health check. See the log of the app.',
        metric: metrics.unhealthyTasks,
        comparison: 'above',
        threshold: 0,
        periodSeconds: minute,
        periods: { crossed: 5, of: 5 },
        // No target, no figure; Offline rings then.
        missingData: 'notBreaching',
      },
      SlowAnswers: {
        description: 'One request in twenty takes longer than two seconds. See CPU of app and database.',
        metric: metrics.latency,
        comparison: 'above',
        threshold: 2,
        periodSeconds: fiveMinutes,
        periods: { crossed: 3, of: 3 },
        // Nobody asked for anything, as at night.
        missingData: 'notBreaching',
      },
      EntranceErrors: {
        description: 'The load balancer answered with 5xx because it could not reach the app in time.',
        metric: metrics.entranceErrors,
        comparison: 'at least',
        threshold: 5,
        periodSeconds: fiveMinutes,
        periods: { crossed: 2, of: 2 },
        // The metric is reported only when there are such answers.
        missingData: 'notBreaching',
        // That a practice is closed is itself said with 503.
        tells: access.whetherOpen,
      },
      AppCpu: {
        description: 'The app is busy although it was scaled out. Raise MaxCount or the size of a task.',
        metric: metrics.appCpu,
        comparison: 'above',
        threshold: 85,
        periodSeconds: fiveMinutes,
        periods: { crossed: 3, of: 3 },
        // No task runs; Offline rings then.
        missingData: 'notBreaching',
      },
      DatabaseCpu: {
        description: 'The database is busy. See pg_stat_statements, then consider a larger instance class.',
        metric: metrics.databaseCpu,
        comparison: 'above',
        threshold: 85,
        periodSeconds: fiveMinutes,
        periods: { crossed: 3, of: 3 },
        // RDS reports every minute while the instance runs: silence means that it does not.
        missingData: 'breaching',
      },
      FreeStorage: {
        description:
          'Less than 4 GiB of storage are left: at zero the database stops. Raise AllocatedStorageGib.',
        metric: metrics.freeStorage,
        comparison: 'below',
        threshold: 4 * gib,
        periodSeconds: fiveMinutes,
        periods: { crossed: 3, of: 3 },
        // DatabaseCpu rings when the instance is silent; twice would say no more.
        missingData: 'missing',
      },
      Connections: {
        description: 'The database has more sessions than the app at its largest can open. Look for a leak.',
        metric: metrics.connections,
        comparison: 'above',
        // Nine tasks, twice as many during a deployment, with four sessions each make 72; the smallest instance class takes about 80.
        threshold: 75,
        periodSeconds: fiveMinutes,
        periods: { crossed: 3, of: 3 },
        // As for FreeStorage.
        missingData: 'missing',
      },
      CertificateExpiry: {
        description:
          'The certificate ends in less than 30 days. ACM renews 60 days before: see the DNS record that proves the domain.',
        metric: metrics.certificateDays,
        comparison: 'below',
        threshold: 30,
        periodSeconds: day,
        periods: { crossed: 1, of: 1 },
        // ACM reports twice a day, so a new certificate has no figure yet.
        missingData: 'missing',
      },
      MissingBackups: {
        description:
          'For two days not both of database and bucket were backed up. See the backup jobs of the vault; point-in-time recovery goes on.',
        metric: metrics.backups,
        comparison: 'below',
        threshold: 2,
        periodSeconds: day,
        periods: { crossed: 2, of: 2 },
        // A day without a finished job has no figure at all, and is what the alarm is for. So it rings in a new silo too, until its second
        // day of backups: that is true, and the message that it is over tells that the first backups are there.
        missingData: 'breaching',
      },
    };
    for (const [name, props] of Object.entries(alarms)) new Alarm(this, name, { topicArn, ...props });
  }
}
