import type { ResourceHandler, ServiceEmulation } from '../model.ts';
import * as acm from './acm/index.ts';
import * as autoscaling from './autoscaling/index.ts';
import * as backup from './backup/index.ts';
import * as cloudwatch from './cloudwatch/index.ts';
import * as ec2 from './ec2/index.ts';
import * as ecs from './ecs/index.ts';
import * as elbv2 from './elbv2/index.ts';
import * as iam from './iam/index.ts';
import * as kms from './kms/index.ts';
import * as logs from './logs/index.ts';
import * as rds from './rds/index.ts';
import * as route53 from './route53/index.ts';
import * as s3 from './s3/index.ts';
import * as secretsmanager from './secretsmanager/index.ts';
import * as sns from './sns/index.ts';
import * as tagging from './tagging/index.ts';
import * as wafv2 from './wafv2/index.ts';

/** Every emulated service but STS and CloudFormation, which are parts of the sandbox itself. */
export const services: readonly ServiceEmulation[] = [
  acm.service,
  autoscaling.service,
  backup.service,
  cloudwatch.service,
  ec2.service,
  ecs.service,
  elbv2.service,
  route53.service,
  iam.service,
  kms.service,
  logs.service,
  rds.service,
  s3.service,
  secretsmanager.service,
  sns.service,
  tagging.service,
  wafv2.service,
];

/** What CloudFormation can create, by resource type. */
export const resourceHandlers: readonly ResourceHandler[] = [
  ...acm.resources,
  ...autoscaling.resources,
  ...backup.resources,
  ...cloudwatch.resources,
  ...iam.resources,
  ...route53.resources,
  ...ec2.resources,
  ...ecs.resources,
  ...elbv2.resources,
  ...kms.resources,
  ...logs.resources,
  ...rds.resources,
  ...s3.resources,
  ...secretsmanager.resources,
  ...sns.resources,
  ...wafv2.resources,
];
