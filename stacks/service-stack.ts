import type { Construct } from 'constructs';
import { AppRoles } from './constructs/app-roles.ts';
import { AppService } from './constructs/app-service.ts';
import { appPort } from './constructs/firewall.ts';
import { PracticeStack } from './constructs/practice-stack.ts';

/** The practice's app. The only stack that a new image touches, and one that can be made again at any time. */
export class ServiceStack extends PracticeStack {
  constructor(scope: Construct) {
    super(scope, 'service', 'Lumenality practice silo: app service');
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
    const keyArn = this.parameter('KeyArn', {
      description: "The practice's KMS key.",
      allowedPattern: '^arn:[^:]+:kms:.+:key/.+$',
    });
    const vpcId = this.parameter('VpcId', {
      description: "The practice's VPC.",
      allowedPattern: '^vpc-[0-9a-f]+$',
    });
    const subnetIds = this.listParameter('AppSubnetIds', {
      description: 'Isolated subnets in two availability zones.',
    });
    const securityGroupId = this.parameter('AppSecurityGroupId', {
      description: 'Security group that lets in the load balancer and nobody else.',
      allowedPattern: '^sg-[0-9a-f]+$',
    });
    const httpsListenerArn = this.parameter('HttpsListenerArn', {
      description: "HTTPS listener of the practice's load balancer.",
      allowedPattern: '^arn:[^:]+:elasticloadbalancing:.+$',
    });
    const logGroupName = this.parameter('AppLogGroupName', {
      description: 'Log group of the app, under the practice key.',
    });
    const database = {
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
    const cpu = this.parameter('TaskCpu', {
      description: 'CPU units of one task; 1024 is one vCPU.',
      allowedValues: ['256', '512', '1024', '2048', '4096'],
    });
    const memoryMib = this.parameter('TaskMemoryMib', {
      description: 'Memory of one task in MiB; Fargate allows certain pairs with the CPU only.',
      allowedPattern: '^[0-9]{3,5}$',
    });
    const desiredCount = this.numberParameter('DesiredCount', {
      description: 'Number of tasks; 0 takes the practice offline and keeps its data.',
      minValue: 0,
      maxValue: 10,
    });

    const roles = new AppRoles(this, 'App', {
      practiceId: this.practiceId,
      keyArn,
      secretArn: database.secretArn,
      logGroupName,
    });
    const app = new AppService(this, 'Service', {
      practiceId: this.practiceId,
      imageUri,
      roles,
      environment: {
        PRACTICE_ID: this.practiceId,
        RELEASE_ID: releaseId,
        KEY_ARN: keyArn,
        DATABASE_HOST: database.host,
        DATABASE_PORT: database.port,
        DATABASE_NAME: database.name,
        DATABASE_SECRET_ARN: database.secretArn,
        PORT: String(appPort),
      },
      logGroupName,
      cpu,
      memoryMib,
      desiredCount,
      vpcId,
      subnetIds,
      securityGroupId,
      httpsListenerArn,
      hostName,
    });

    this.output('ClusterName', app.clusterName, 'ECS cluster');
    this.output('ServiceName', app.serviceName, 'ECS service');
    this.output('ServiceArn', app.serviceArn, 'ECS service');
    this.output('TaskDefinitionArn', app.taskDefinitionArn, 'Task definition that the service runs');
    this.output('TargetGroupArn', app.targetGroupArn, 'Where the load balancer finds the app');
  }
}
