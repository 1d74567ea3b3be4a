import { Aws } from 'aws-cdk-lib';
import { CfnCluster, CfnService, CfnTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { CfnListenerRule, CfnTargetGroup } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';
import type { Access } from './access.ts';
import { Alarm } from './alarm.ts';
import type { AppRoles } from './app-roles.ts';
import { appPort } from './firewall.ts';
import { targetMetrics } from './metrics.ts';

export interface AppServiceProps {
  readonly practiceId: string;
  readonly access: Access;
  readonly imageUri: string;
  readonly roles: AppRoles;
  readonly environment: Readonly<Record<string, string>>;
  readonly logGroupName: string;
  /** CPU units (1024 is one vCPU) and MiB, in one of the pairs that Fargate offers. */
  readonly cpu: string;
  readonly memoryMib: string;
  /** Tasks while the practice is open. */
  readonly desiredCount: number;
  readonly vpcId: string;
  readonly subnetIds: string[];
  readonly securityGroupId: string;
  readonly httpsListenerArn: string;
  readonly loadBalancerArn: string;
  readonly hostName: string;
  readonly alarmTopicArn: string;
}

const containerName = 'app';
/** The image's own user (tenant-template/app/Dockerfile), said again so that no image can choose root. */
const user = '10001:10001';
/** Longer than a request may take, so that a stopping task finishes what it began. */
const stopTimeoutSeconds = 30;

/** The practice's app on Fargate behind its load balancer, in subnets that have no way to the internet. */
export class AppService extends Construct {
  readonly clusterName: string;
  readonly serviceName: string;
  readonly serviceArn: string;
  readonly taskDefinitionArn: string;
  readonly targetGroupArn: string;
  /** As CloudWatch names it: `targetgroup/<name>/<id>`. */
  readonly targetGroupFullName: string;

  constructor(scope: Construct, id: string, props: AppServiceProps) {
    super(scope, id);
    const cluster = new CfnCluster(this, 'Cluster');
    const task = this.taskDefinition(props);
    const targets = this.targetGroup(props.vpcId);
    const rule = this.listenerRule(props, targets.ref);
    const errors = this.errorAlarm(props, targets.attrTargetGroupFullName);
    const service = new CfnService(this, 'Service', {
      cluster: cluster.ref,
      taskDefinition: task.ref,
      launchType: 'FARGATE',
      platformVersion: '1.4.0',
      desiredCount: props.access.count(props.desiredCount),
      availabilityZoneRebalancing: 'ENABLED',
      deploymentConfiguration: {
        minimumHealthyPercent: 100,
        maximumPercent: 200,
        // Tasks that do not become healthy end a deployment, and so do tasks that answer with errors.
        deploymentCircuitBreaker: { enable: true, rollback: true },
        alarms: { enable: true, rollback: true, alarmNames: [errors.name] },
      },
      healthCheckGracePeriodSeconds: 60,
      enableExecuteCommand: false,
      enableEcsManagedTags: true,
      propagateTags: 'SERVICE',
      networkConfiguration: {
        awsvpcConfiguration: {
          assignPublicIp: 'DISABLED',
          subnets: props.subnetIds,
          securityGroups: [props.securityGroupId],
        },
      },
      loadBalancers: [{ containerName, containerPort: appPort, targetGroupArn: targets.ref }],
    });
    // ECS refuses a target group that no listener uses yet.
    service.addResourceDependency(rule);
    this.clusterName = cluster.ref;
    this.serviceName = service.attrName;
    this.serviceArn = service.ref;
    this.taskDefinitionArn = task.ref;
    this.targetGroupArn = targets.ref;
    this.targetGroupFullName = targets.attrTargetGroupFullName;
  }

  /**
   * Leads to the app, or says that the practice is closed. A target group that no rule names is nobody's, and ECS wants its service's
   * to be a load balancer's: a second rule names it, also while the practice is closed, behind the first and for the same address, so
   * that no request ever gets there.
   */
  private listenerRule({ access, hostName, httpsListenerArn }: AppServiceProps, targetGroupArn: string) {
    const conditions = [{ field: 'host-header', hostHeaderConfig: { values: [hostName] } }];
    const listenerArn = httpsListenerArn;
    const spare = new CfnListenerRule(this, 'SpareRule', {
      listenerArn,
      priority: 2,
      conditions,
      actions: [{ type: 'forward', targetGroupArn }],
    });
    const rule = new CfnListenerRule(this, 'ListenerRule', {
      listenerArn,
      priority: 1,
      conditions,
      actions: [access.forwardTo(targetGroupArn)],
    });
    rule.addResourceDependency(spare);
    return rule;
  }

  /** There before the service, so that it watches the first deployment too. */
  private errorAlarm(
    { loadBalancerArn, alarmTopicArn }: AppServiceProps,
    targetGroupFullName: string,
  ): Alarm {
    return new Alarm(this, 'Errors', {
      topicArn: alarmTopicArn,
      description: 'The app answers with errors of its own (5xx). A deployment under way is rolled back.',
      metric: targetMetrics(loadBalancerArn, targetGroupFullName).appErrors,
      comparison: 'at least',
      threshold: 5,
      periodSeconds: 60,
      periods: { crossed: 3, of: 5 },
      // The metric is reported only when there are such answers.
      missingData: 'notBreaching',
    });
  }

  private taskDefinition(props: AppServiceProps): CfnTaskDefinition {
    return new CfnTaskDefinition(this, 'TaskDefinition', {
      family: `lumenality-${props.practiceId}`,
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
      cpu: props.cpu,
      memory: props.memoryMib,
      executionRoleArn: props.roles.execution.arn,
      taskRoleArn: props.roles.task.arn,
      containerDefinitions: [
        {
          name: containerName,
          image: props.imageUri,
          essential: true,
          user,
          readonlyRootFilesystem: true,
          privileged: false,
          linuxParameters: { initProcessEnabled: true, capabilities: { drop: ['ALL'] } },
          portMappings: [{ containerPort: appPort, protocol: 'tcp' }],
          environment: Object.entries(props.environment).map(([name, value]) => ({ name, value })),
          stopTimeout: stopTimeoutSeconds,
          logConfiguration: {
            logDriver: 'awslogs',
            options: {
              'awslogs-group': props.logGroupName,
              'awslogs-region': Aws.REGION,
              'awslogs-stream-prefix': 'app',
            },
          },
        },
      ],
    });
  }

  private targetGroup(vpcId: string): CfnTargetGroup {
    return new CfnTargetGroup(this, 'TargetGroup', {
      targetType: 'ip',
      // The app makes itself a certificate at each start. The load balancer verifies none ("Target groups for your Application Load
      // Balancers"): the security groups say who answers, TLS keeps what is said to the two of them.
      protocol: 'HTTPS',
      port: appPort,
      vpcId,
      healthCheckProtocol: 'HTTPS',
      healthCheckPath: '/healthz',
      healthCheckIntervalSeconds: 10,
      healthCheckTimeoutSeconds: 5,
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 3,
      matcher: { httpCode: '200' },
      targetGroupAttributes: [{ key: 'deregistration_delay.timeout_seconds', value: '15' }],
    });
  }
}
