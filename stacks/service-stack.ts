import type { Construct } from 'constructs';
import { sessionTimeoutBounds } from '../tenant-template/shape-table.ts';
import { Access } from './constructs/access.ts';
import { Alarms } from './constructs/alarms.ts';
import { AppRoles } from './constructs/app-roles.ts';
import { AppService } from './constructs/app-service.ts';
import { Dashboard } from './constructs/dashboard.ts';
import { appPort } from './constructs/firewall.ts';
import { metricsOf } from './constructs/metrics.ts';
import { PracticeStack } from './constructs/practice-stack.ts';
import { Scaling } from './constructs/scaling.ts';

/** The practice's app. The only stack that a new image touches, and one that can be made again at any time. */
export class ServiceStack extends PracticeStack {
  constructor(scope: Construct) {
    super(scope, 'service', 'Lumenality practice silo: app service, its alarms and dashboard');
    const hostName = this.parameter('HostName', {
      description: 'Host name at which the practice reaches its app, in lower case.',
      allowedPattern: '^[a-z0-9-]+(\\.[a-z0-9-]+)+$',
    });
    const releaseId = this.parameter('ReleaseId', {
      description: 'Release that this stack was made from.',
      allowedPattern: '^r-[0-9a-f]{12}$',
    });
    const imageUri = this.parameter('ImageUri', {
      description:
        'Image of the practice app as repository@sha256:digest. A tag is refused: it can be moved.',
      allowedPattern: '^[^@\\s]+@sha256:[0-9a-f]{64}$',
      constraintDescription: 'repository@sha256: and 64 hexadecimal digits; a tag is refused.',
    });
    const foundation = this.foundationParameters();
    const database = this.databaseParameters();
    const backupVaultName = this.parameter('BackupVaultName', {
      description: 'Vault of the daily backups, which are watched.',
      allowedPattern: '^[A-Za-z0-9_-]{2,50}$',
    });
    const size = this.sizeParameters();
    const access = new Access(
      this,
      'AppAccess',
      this.parameter('Access', {
        description:
          'closed: no task runs and the address answers 503; data, key and backups stay as they are.',
        default: 'open',
        allowedValues: ['open', 'closed'],
      }),
    );
    const roles = new AppRoles(this, 'App', {
      practiceId: this.practiceId,
      keyArn: foundation.keyArn,
      secretArn: database.secretArn,
      databaseResourceId: database.resourceId,
      bucketName: foundation.bucketName,
      logGroupName: foundation.logGroupName,
      vpcId: foundation.vpcId,
    });
    const app = new AppService(this, 'Service', {
      practiceId: this.practiceId,
      access,
      imageUri,
      roles,
      environment: {
        PRACTICE_ID: this.practiceId,
        RELEASE_ID: releaseId,
        KEY_ARN: foundation.keyArn,
        DATABASE_HOST: database.host,
        DATABASE_PORT: database.port,
        DATABASE_NAME: database.name,
        DATABASE_SECRET_ARN: database.secretArn,
        PORT: String(appPort),
        ...this.settingsOfTheApp(),
      },
      ...foundation,
      ...size,
      hostName,
    });
    const { clusterName, serviceName, targetGroupFullName } = app;
    new Scaling(this, 'Scaling', {
      access,
      clusterName,
      serviceName,
      least: size.desiredCount,
      most: size.maxCount,
    });
    const metrics = metricsOf({
      loadBalancerArn: foundation.loadBalancerArn,
      targetGroupFullName,
      clusterName,
      serviceName,
      databaseInstanceId: database.instanceId,
      certificateArn: foundation.certificateArn,
      backupVaultName,
    });
    new Alarms(this, 'Alarms', { topicArn: foundation.alarmTopicArn, access, metrics });
    const dashboard = new Dashboard(this, 'Dashboard', { practiceId: this.practiceId, metrics });

    this.output('ClusterName', app.clusterName, 'ECS cluster');
    this.output('ServiceName', app.serviceName, 'ECS service');
    this.output('ServiceArn', app.serviceArn, 'ECS service');
    this.output('TaskDefinitionArn', app.taskDefinitionArn, 'Task definition that the service runs');
    this.output('TargetGroupArn', app.targetGroupArn, 'Where the load balancer finds the app');
    this.output('DashboardName', dashboard.name, 'CloudWatch dashboard of the silo');
  }

  /** What the foundation stack gives out. */
  private foundationParameters() {
    return {
      keyArn: this.parameter('KeyArn', {
        description: "The practice's KMS key.",
        allowedPattern: '^arn:[^:]+:kms:.+:key/.+$',
      }),
      vpcId: this.parameter('VpcId', {
        description: "The practice's VPC.",
        allowedPattern: '^vpc-[0-9a-f]+$',
      }),
      subnetIds: this.listParameter('AppSubnetIds', {
        description: 'Isolated subnets in two availability zones.',
      }),
      securityGroupId: this.parameter('AppSecurityGroupId', {
        description: 'Security group that lets in the load balancer and nobody else.',
        allowedPattern: '^sg-[0-9a-f]+$',
      }),
      httpsListenerArn: this.parameter('HttpsListenerArn', {
        description: "HTTPS listener of the practice's load balancer.",
        allowedPattern: '^arn:[^:]+:elasticloadbalancing:.+$',
      }),
      loadBalancerArn: this.parameter('LoadBalancerArn', {
        description: "The practice's load balancer, for its figures.",
        allowedPattern: '^arn:[^:]+:elasticloadbalancing:.+:loadbalancer/.+$',
      }),
      certificateArn: this.parameter('CertificateArn', {
        description: 'Certificate of the HTTPS listener, whose end is watched.',
        allowedPattern: '^arn:[^:]+:acm:.+:certificate/.+$',
      }),
      logGroupName: this.parameter('AppLogGroupName', {
        description: 'Log group of the app, under the practice key.',
      }),
      bucketName: this.parameter('BucketName', {
        description: "The practice's bucket of documents.",
        allowedPattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
      }),
      alarmTopicArn: this.parameter('AlarmTopicArn', {
        description: 'Encrypted topic that the alarms go to.',
        allowedPattern: '^arn:[^:]+:sns:.+$',
      }),
    };
  }

  /** What the data stack gives out. */
  private databaseParameters() {
    return {
      instanceId: this.parameter('DatabaseInstanceId', { description: 'RDS instance, for its figures.' }),
      resourceId: this.parameter('DatabaseResourceId', {
        description: 'What IAM calls the instance in rds-db:connect.',
        allowedPattern: '^db-[A-Z0-9]+$',
      }),
      host: this.parameter('DatabaseEndpoint', { description: 'Host name of the database.' }),
      port: this.parameter('DatabasePort', {
        description: 'Port of the database.',
        allowedPattern: '^[0-9]{1,5}$',
      }),
      name: this.parameter('DatabaseName', { description: 'Name of the database.' }),
      secretArn: this.parameter('DatabaseSecretArn', {
        description: 'Secret that RDS keeps: {"username","password"}.',
        allowedPattern: '^arn:[^:]+:secretsmanager:.+:secret:.+$',
      }),
    };
  }

  /** What the plan's shape decides. */
  private sizeParameters() {
    return {
      cpu: this.parameter('TaskCpu', {
        description: 'CPU units of one task; 1024 is one vCPU.',
        allowedValues: ['256', '512', '1024', '2048', '4096'],
      }),
      memoryMib: this.parameter('TaskMemoryMib', {
        description: 'Memory of one task in MiB; Fargate allows certain pairs with the CPU only.',
        allowedPattern: '^[0-9]{3,5}$',
      }),
      desiredCount: this.numberParameter('DesiredCount', {
        description: 'Tasks that always run while the practice is open.',
        minValue: 0,
        maxValue: 10,
      }),
      maxCount: this.numberParameter('MaxCount', {
        description: 'The most tasks that autoscaling starts; at least DesiredCount.',
        minValue: 0,
        maxValue: 20,
      }),
    };
  }

  /** Environment variables whose values are a practice's or its operator's choice. */
  private settingsOfTheApp(): Readonly<Record<string, string>> {
    const { least, most } = sessionTimeoutBounds;
    return {
      SESSION_TIMEOUT_MINUTES: this.parameter('SessionTimeoutMinutes', {
        description: `Minutes that a signed-in member of staff may be idle, from ${least} to ${most}.`,
        allowedPattern: '^([5-9]|[12][0-9]|30)$',
      }),
      OWNER_EMAIL: this.parameter('OwnerEmail', {
        description: 'Who may become the first owner by a one-time link; empty: nobody is invited.',
        default: '',
        allowedPattern: '^([^@\\s]{1,64}@[^@\\s]{1,255})?$',
      }),
      OWNER_INVITATION_SHA256: this.parameter('OwnerInvitationSha256', {
        description: "SHA-256 of the link's token, in 64 hexadecimal digits.",
        default: '',
        allowedPattern: '^([0-9a-f]{64})?$',
      }),
      OWNER_INVITATION_EXPIRES_AT: this.parameter('OwnerInvitationExpiresAt', {
        description: 'Until when the link may be taken, as in RFC 3339.',
        default: '',
        allowedPattern: '^(\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2}))?$',
      }),
    };
  }
}
