import type { Figures } from './figures.ts';
import type { LoadBalancerRoute } from './model.ts';

/** What one request adds to the figures of its load balancer ("CloudWatch metrics for your Application Load Balancer"). */
export interface RequestFigures {
  /** The target was chosen, whatever comes of it. */
  chosen(): void;
  /** The target began to answer. */
  answered(status: number): void;
  /** The load balancer answered itself. */
  answeredItself(status: number): void;
}

/** Times are kept to a tenth of a millisecond: CloudWatch wants seconds, and close ones share a sample. */
const secondsOf = (ms: number): number => Math.round(ms * 10) / 10_000;

/** @param route without a load balancer (one that a test made up) nothing is counted. */
export function requestFigures(route: LoadBalancerRoute, figures: Figures): RequestFigures {
  const { loadBalancer } = route;
  const targetGroup = route.kind === 'target' ? route.targetGroup : undefined;
  let chosenAt = 0;
  const add = (name: string, value: number, ofTarget: boolean) => {
    if (loadBalancer === undefined) return;
    const { accountId, region, name: LoadBalancer } = loadBalancer;
    const metric = { accountId, region, namespace: 'AWS/ApplicationELB', name };
    figures.add({ ...metric, dimensions: { LoadBalancer } }, value);
    if (!ofTarget || targetGroup === undefined) return;
    figures.add({ ...metric, dimensions: { LoadBalancer, TargetGroup: targetGroup } }, value);
  };
  return {
    chosen() {
      chosenAt = performance.now();
      add('RequestCount', 1, true);
    },
    answered(status) {
      add('TargetResponseTime', secondsOf(performance.now() - chosenAt), true);
      add(`HTTPCode_Target_${Math.floor(status / 100)}XX_Count`, 1, true);
    },
    answeredItself(status) {
      if (status >= 500) add('HTTPCode_ELB_5XX_Count', 1, false);
    },
  };
}
