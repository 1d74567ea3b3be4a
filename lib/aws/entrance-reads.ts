import {
  DescribeListenersCommand,
  DescribeLoadBalancerAttributesCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTargetGroupsCommand,
  type Rule,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetLoggingConfigurationCommand, GetWebACLForResourceCommand } from '@aws-sdk/client-wafv2';
import type { ListenerRuleFacts } from '../domain/silo-facts.ts';
import type { SiloReads } from '../ports/silo-reads.ts';
import { type AwsClients, call } from './clients.ts';
import { missing, unlessNone } from './missing.ts';

/** What Elastic Load Balancing and AWS WAF say about a practice's address. */
export function entranceReads({
  elb,
  waf,
}: AwsClients): Pick<SiloReads, 'listener' | 'rules' | 'loadBalancer' | 'targetGroups' | 'webAcl'> {
  const logDestinations = async (ResourceArn: string, signal?: AbortSignal): Promise<string[]> => {
    // "WAFNonexistentItemException": the web ACL has no logging configuration.
    const found = await unlessNone('WAFNonexistentItemException', () =>
      call('wafv2', 'GetLoggingConfiguration', signal, (options) =>
        waf.send(new GetLoggingConfigurationCommand({ ResourceArn }), options),
      ),
    );
    return found?.LoggingConfiguration?.LogDestinationConfigs ?? [];
  };
  const rulesOf = async (ListenerArn: string, signal?: AbortSignal): Promise<Rule[]> => {
    const rules: Rule[] = [];
    let Marker: string | undefined;
    do {
      const page = await call('elasticloadbalancing', 'DescribeRules', signal, (options) =>
        elb.send(new DescribeRulesCommand({ ListenerArn, Marker }), options),
      );
      rules.push(...(page.Rules ?? []));
      Marker = page.NextMarker;
    } while (Marker !== undefined);
    return rules;
  };
  const plainAnswers = async (LoadBalancerArn: string, signal?: AbortSignal): Promise<string[]> => {
    const { Listeners = [] } = await call('elasticloadbalancing', 'DescribeListeners', signal, (options) =>
      elb.send(new DescribeListenersCommand({ LoadBalancerArn }), options),
    );
    const answers = Listeners.filter(({ Protocol }) => Protocol !== 'HTTPS').map(
      async ({ ListenerArn, Protocol, Port }) => {
        const rules = await rulesOf(ListenerArn ?? '', signal);
        return rules
          .flatMap(({ Actions = [] }) => Actions)
          .filter(({ RedirectConfig }) => RedirectConfig?.Protocol !== 'HTTPS')
          .map(({ Type }) => `${Protocol} ${Port}: ${Type}`);
      },
    );
    return (await Promise.all(answers)).flat();
  };
  return {
    listener: async (listenerArn, signal) => {
      const { Listeners = [] } = await call('elasticloadbalancing', 'DescribeListeners', signal, (options) =>
        elb.send(new DescribeListenersCommand({ ListenerArns: [listenerArn] }), options),
      );
      const listener = Listeners[0] ?? missing('elasticloadbalancing', 'listener', listenerArn);
      return {
        loadBalancerArn: listener.LoadBalancerArn ?? '',
        protocol: listener.Protocol ?? 'unknown',
        port: listener.Port ?? null,
        tlsPolicy: listener.SslPolicy ?? null,
        certificates: listener.Certificates?.length ?? 0,
      };
    },
    rules: async (listenerArn, signal) =>
      (await rulesOf(listenerArn, signal)).map(ruleFacts).toSorted((one, other) => {
        return placeOf(one.priority) - placeOf(other.priority);
      }),
    loadBalancer: async (LoadBalancerArn, signal) => {
      const [{ LoadBalancers = [] }, { Attributes = [] }, plain] = await Promise.all([
        call('elasticloadbalancing', 'DescribeLoadBalancers', signal, (options) =>
          elb.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [LoadBalancerArn] }), options),
        ),
        call('elasticloadbalancing', 'DescribeLoadBalancerAttributes', signal, (options) =>
          elb.send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn }), options),
        ),
        plainAnswers(LoadBalancerArn, signal),
      ]);
      const valueOf = (name: string) => Attributes.find(({ Key }) => Key === name)?.Value;
      return {
        securityGroupIds: LoadBalancers[0]?.SecurityGroups ?? [],
        deletionProtection: valueOf('deletion_protection.enabled') === 'true',
        accessLogBucket:
          valueOf('access_logs.s3.enabled') === 'true' ? (valueOf('access_logs.s3.bucket') ?? null) : null,
        dropsInvalidHeaders: valueOf('routing.http.drop_invalid_header_fields.enabled') === 'true',
        plainAnswers: plain,
        desyncMitigation: valueOf('routing.http.desync_mitigation_mode') ?? 'unknown',
      };
    },
    targetGroups: async (LoadBalancerArn, signal) => {
      const { TargetGroups = [] } = await call(
        'elasticloadbalancing',
        'DescribeTargetGroups',
        signal,
        (options) => elb.send(new DescribeTargetGroupsCommand({ LoadBalancerArn }), options),
      );
      return TargetGroups.map((group) => ({
        name: group.TargetGroupName ?? '',
        protocol: group.Protocol ?? 'unknown',
        healthCheckProtocol: group.HealthCheckProtocol ?? 'unknown',
      }));
    },
    webAcl: async (loadBalancerArn, signal) => {
      const { WebACL } = await call('wafv2', 'GetWebACLForResource', signal, (options) =>
        waf.send(new GetWebACLForResourceCommand({ ResourceArn: loadBalancerArn }), options),
      );
      if (WebACL?.ARN === undefined) return undefined;
      return {
        arn: WebACL.ARN,
        rules: (WebACL.Rules ?? []).map(({ Name }) => Name ?? ''),
        logDestinations: await logDestinations(WebACL.ARN, signal),
      };
    },
  };
}

const placeOf = (priority: string): number => (priority === 'default' ? Infinity : Number(priority));

function ruleFacts({ Priority, Conditions = [], Actions = [] }: Rule): ListenerRuleFacts {
  const byHost = Conditions.filter(({ Field }) => Field === 'host-header');
  return {
    priority: Priority ?? 'unknown',
    hosts: byHost.flatMap(({ HostHeaderConfig, Values }) => HostHeaderConfig?.Values ?? Values ?? []),
    narrower: byHost.length < Conditions.length,
    actions: Actions.map(({ Type = 'unknown', FixedResponseConfig }) =>
      FixedResponseConfig?.StatusCode === undefined ? Type : `${Type} ${FixedResponseConfig.StatusCode}`,
    ),
  };
}
