import { CfnScalableTarget, CfnScalingPolicy } from 'aws-cdk-lib/aws-applicationautoscaling';
import { Construct } from 'constructs';
import type { Access } from './access.ts';

export interface ScalingProps {
  readonly access: Access;
  readonly clusterName: string;
  readonly serviceName: string;
  readonly least: number;
  readonly most: number;
}

/**
 * More tasks while the app is busy, never fewer than the plan promises. Application Auto Scaling acts with its service-linked role. A
 * deployment starts from the plan's number again, and scaling goes on from there. Nothing runs while the practice is closed.
 */
export class Scaling extends Construct {
  constructor(scope: Construct, id: string, props: ScalingProps) {
    super(scope, id);
    const target = new CfnScalableTarget(this, 'Target', {
      serviceNamespace: 'ecs',
      scalableDimension: 'ecs:service:DesiredCount',
      resourceId: `service/${props.clusterName}/${props.serviceName}`,
      minCapacity: props.access.count(props.least),
      maxCapacity: props.access.count(props.most),
    });
    new CfnScalingPolicy(this, 'Cpu', {
      policyName: 'cpu',
      policyType: 'TargetTrackingScaling',
      scalingTargetId: target.ref,
      targetTrackingScalingPolicyConfiguration: {
        predefinedMetricSpecification: { predefinedMetricType: 'ECSServiceAverageCPUUtilization' },
        targetValue: 60,
        scaleOutCooldown: 60,
        // A clinic's day has waves of half an hour: no task is taken away between two of them.
        scaleInCooldown: 900,
      },
    });
  }
}
