/**
 * What a load balancer does with a request: find the load balancer by host name, the first rule that matches, and a
 * healthy target. HTTPS listeners are served as plain HTTP on loopback; the sandbox holds no certificate's key.
 */
import type { Action, Listener, RuleCondition } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Cloud, LoadBalancerRoute } from '../../model.ts';
import { endpointOf } from '../ec2/interfaces.ts';
import { resolve } from '../route53/zones.ts';
import { healthOf } from './health.ts';
import { conditionValues } from './listeners.ts';
import {
  find,
  listenersOf,
  loadBalancers,
  type NamedLoadBalancer,
  nameTable,
  type Place,
  rulesOf,
  targetGroups,
  targetGroupsOf,
  targetsOf,
} from './records.ts';

/**
 * The answer for a host (without its port), path and query, or undefined when the host is no load balancer's name and no
 * record in Route 53 leads to one.
 */
export function routeFor(
  cloud: Cloud,
  host: string,
  path: string,
  query: string,
): LoadBalancerRoute | undefined {
  const named = loadBalancerAt(host.toLowerCase(), cloud);
  if (named === undefined) return undefined;
  const place: Place = { ...named, cloud };
  const all = listenersOf(named.arn, place);
  const listener = all.find((one) => one.Protocol === 'HTTPS') ?? all.find((one) => one.Protocol === 'HTTP');
  // AWS's load balancer would not accept the connection; a proxy has to answer something.
  if (listener === undefined) return errorPage(503, 'Service Temporarily Unavailable');
  const action = actionFor(listener, host.toLowerCase(), path, place);
  const route = routeOf(action, { host, path, query, listener, place });
  // Without a data plane no app could answer: that is no error of a practice's to count.
  const counted = cloud.dataPlane !== undefined && {
    loadBalancer: {
      accountId: named.accountId,
      region: named.region,
      name: named.arn.split(':loadbalancer/')[1] ?? '',
    },
  };
  if (route.kind === 'answer') return { ...route, ...counted };
  const idleSeconds = Number(
    find(loadBalancers, named.arn, place)?.Attributes['idle_timeout.timeout_seconds'],
  );
  return { ...route, ...counted, scheme: listener.Protocol === 'HTTPS' ? 'https' : 'http', idleSeconds };
}

/** CNAMEs and aliases may lead to each other; a chain that is longer than this is a loop. */
const longestChain = 8;

function loadBalancerAt(host: string, cloud: Cloud): NamedLoadBalancer | undefined {
  let name = host.replace(/\.$/, '');
  for (let step = 0; step < longestChain; step += 1) {
    // CDK and the console write `dualstack.` in front of a load balancer's name in an alias.
    const named = nameTable(cloud).get(name.replace(/^dualstack\./, ''));
    if (named !== undefined) return named;
    const record = resolve(name, cloud.state).find((one) => ['A', 'AAAA', 'CNAME'].includes(one.Type ?? ''));
    const cname = record?.Type === 'CNAME' ? record.ResourceRecords?.[0]?.Value : undefined;
    const next = record?.AliasTarget?.DNSName ?? cname;
    if (next === undefined) return undefined;
    name = next.toLowerCase().replace(/\.$/, '');
  }
  return undefined;
}

function actionFor(listener: Listener, host: string, path: string, place: Place): Action | undefined {
  const rule = rulesOf(listener.ListenerArn ?? '', place).find((one) =>
    (one.Conditions ?? []).every((condition) => holds(condition, host, path)),
  );
  return (rule?.Actions ?? listener.DefaultActions)?.[0];
}

/** Host names compare without case, paths with it ("Condition types for listener rules"). */
function holds(condition: RuleCondition, host: string, path: string): boolean {
  const isHost = condition.Field === 'host-header';
  return conditionValues(condition).some((value) =>
    pattern(isHost ? value.toLowerCase() : value).test(isHost ? host : path),
  );
}

function pattern(value: string): RegExp {
  const escaped = value.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
}

interface Request {
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly listener: Listener;
  readonly place: Place;
}

function routeOf(action: Action | undefined, request: Request): LoadBalancerRoute {
  if (action?.Type === 'fixed-response') {
    const {
      StatusCode = '200',
      ContentType = 'text/plain',
      MessageBody = '',
    } = action.FixedResponseConfig ?? {};
    return { kind: 'answer', status: Number(StatusCode), contentType: ContentType, body: MessageBody };
  }
  if (action?.Type === 'redirect') return redirect(action, request);
  return forward(action, request.place);
}

function redirect(action: Action, { host, path, query: asked, listener }: Request): LoadBalancerRoute {
  const { Protocol, Host, Port, Path, Query, StatusCode } = action.RedirectConfig ?? {};
  const placeholders: Readonly<Record<string, string>> = {
    '#{protocol}': (listener.Protocol ?? 'HTTP').toLowerCase(),
    '#{host}': host,
    '#{port}': String(listener.Port),
    '#{path}': path.replace(/^\//, ''),
    '#{query}': asked,
  };
  const fill = (text: string) =>
    text.replace(/#\{(protocol|host|port|path|query)\}/g, (key) => placeholders[key] ?? '');
  const query = fill(Query ?? '#{query}');
  const origin = `${fill(Protocol ?? '#{protocol}').toLowerCase()}://${fill(Host ?? '#{host}')}:${fill(Port ?? '#{port}')}`;
  const location = `${origin}${fill(Path ?? '/#{path}')}${query === '' ? '' : `?${query}`}`;
  const status = StatusCode === 'HTTP_302' ? 302 : 301;
  const page = errorPage(status, status === 302 ? 'Found' : 'Moved Permanently');
  return { ...page, headers: { location } };
}

const turns = new Map<string, number>();

/**
 * The next healthy target in turn. "If a target group contains only unhealthy registered targets, the load balancer
 * routes requests to all those targets" ("Health checks for Application Load Balancer target groups"): it fails open.
 */
function forward(action: Action | undefined, place: Place): LoadBalancerRoute {
  const arn = chooseGroup(action === undefined ? [] : targetGroupsOf(action));
  const group = find(targetGroups, arn, place);
  if (group === undefined) return errorPage(503, 'Service Temporarily Unavailable');
  if (place.cloud.dataPlane === undefined) {
    return {
      kind: 'answer',
      status: 503,
      contentType: 'text/plain',
      body: 'This sandbox runs without a data plane: tasks are described, not run. Start it without --no-data-plane.\n',
    };
  }
  const registered = targetsOf(arn, place);
  const inState = (state: string) => registered.filter((target) => healthOf(target, place).State === state);
  const healthy = inState('healthy');
  const targets = (healthy.length > 0 ? healthy : inState('unhealthy')).flatMap(
    (target) => endpointOf(group.VpcId ?? '', target.Id ?? '', place) ?? [],
  );
  const turn = turns.get(arn) ?? 0;
  const target = targets[turn % targets.length];
  if (target === undefined) return errorPage(503, 'Service Temporarily Unavailable');
  turns.set(arn, turn + 1);
  const targetGroup = arn.slice(arn.indexOf('targetgroup/'));
  return { kind: 'target', ...target, targetGroup, protocol: group.Protocol === 'HTTPS' ? 'https' : 'http' };
}

/** A group at random, in the proportion of the weights. */
function chooseGroup(groups: ReadonlyArray<{ readonly arn: string; readonly weight: number }>): string {
  let rest = Math.random() * groups.reduce((sum, group) => sum + group.weight, 0);
  for (const group of groups) {
    rest -= group.weight;
    if (rest < 0) return group.arn;
  }
  return '';
}

/** The page that an Application Load Balancer itself sends. */
function errorPage(status: number, reason: string): LoadBalancerRoute & { readonly kind: 'answer' } {
  const title = `${status} ${reason}`;
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  return { kind: 'answer', status, contentType: 'text/html', body };
}
