/**
 * Load balancers, listeners, rules and target groups as they are kept, all addressed by ARN. The ARN of a listener
 * continues that of its load balancer, and a rule's that of its listener, so a prefix lists what belongs together.
 */
import type {
  Listener,
  LoadBalancer,
  Rule,
  Tag,
  TargetDescription,
  TargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { recordKey } from '../../identifiers.ts';
import { indexedTable } from '../../indexed-table.ts';
import { AwsError, type Call, type Caller, type Cloud } from '../../model.ts';

export type LoadBalancerRecord = LoadBalancer & { Attributes: Record<string, string> };
export type TargetGroupRecord = TargetGroup & { Attributes: Record<string, string> };
export type TargetRecord = TargetDescription & { TargetGroupArn: string };

interface Kind<T> {
  readonly table: string;
  readonly arnOf: (record: T) => string | undefined;
  readonly notFound: readonly [code: string, message: (arn: string) => string];
}

export const loadBalancers: Kind<LoadBalancerRecord> = {
  table: 'elbv2.load-balancers',
  arnOf: (one) => one.LoadBalancerArn,
  notFound: ['LoadBalancerNotFound', (arn) => `Load balancer '${arn}' not found`],
};

export const listeners: Kind<Listener> = {
  table: 'elbv2.listeners',
  arnOf: (one) => one.ListenerArn,
  notFound: ['ListenerNotFound', () => 'One or more listeners not found'],
};

export const rules: Kind<Rule> = {
  table: 'elbv2.rules',
  arnOf: (one) => one.RuleArn,
  notFound: ['RuleNotFound', () => 'One or more rules not found'],
};

export const targetGroups: Kind<TargetGroupRecord> = {
  table: 'elbv2.target-groups',
  arnOf: (one) => one.TargetGroupArn,
  notFound: ['TargetGroupNotFound', () => 'One or more target groups not found'],
};

/** Listeners and rules are found by the target groups that they forward to. */
function tableOf<T>(kind: Kind<T>, { cloud: { state } }: Pick<Place, 'cloud'>) {
  const termsOf = (record: T) => {
    const { DefaultActions = [], Actions = [] } = record as Pick<
      Listener & Rule,
      'DefaultActions' | 'Actions'
    >;
    return [...DefaultActions, ...Actions].flatMap(targetGroupsOf).map(({ arn }) => arn);
  };
  return indexedTable<T>(state, { name: kind.table, table: state.table(kind.table), termsOf, version: 1 });
}

export type Place = Pick<Caller, 'accountId' | 'region'> & { readonly cloud: Cloud };

export function find<T>(kind: Kind<T>, arn: string | undefined, place: Place): T | undefined {
  return arn === undefined ? undefined : tableOf(kind, place).get(recordKey(place, arn));
}

export function existing<T>(kind: Kind<T>, arn: string | undefined, place: Place): T {
  const record = find(kind, arn, place);
  if (record === undefined) {
    const [code, message] = kind.notFound;
    throw new AwsError(code, message(arn ?? ''));
  }
  return record;
}

export function put<T>(kind: Kind<T>, record: T, place: Place): T {
  tableOf(kind, place).put(recordKey(place, kind.arnOf(record)), record);
  return record;
}

export function erase<T>(kind: Kind<T>, arn: string, place: Place): void {
  tableOf(kind, place).delete(recordKey(place, arn));
  tagTable(place).delete(recordKey(place, arn));
}

export function all<T>(kind: Kind<T>, place: Place, arnPrefix = ''): T[] {
  return tableOf(kind, place).list(recordKey(place, arnPrefix));
}

export function listenersOf(loadBalancerArn: string, place: Place): Listener[] {
  return all(listeners, place, `${loadBalancerArn.replace(':loadbalancer/', ':listener/')}/`);
}

/** In the order in which they are tried. */
export function rulesOf(listenerArn: string, place: Place): Rule[] {
  return all(rules, place, `${listenerArn.replace(':listener/', ':listener-rule/')}/`).sort(
    (one, other) => priorityOf(one) - priorityOf(other),
  );
}

function priorityOf(rule: Rule): number {
  return rule.Priority === 'default' ? Number.POSITIVE_INFINITY : Number(rule.Priority);
}

const targetTable = (place: Place) => place.cloud.state.table<TargetRecord>('elbv2.targets');

export function targetKey(target: TargetRecord): string {
  return `${target.TargetGroupArn}|${target.Id}:${target.Port}`;
}

export function targetsOf(targetGroupArn: string, place: Place): TargetRecord[] {
  return targetTable(place).list(recordKey(place, `${targetGroupArn}|`));
}

export function putTarget(target: TargetRecord, place: Place): void {
  targetTable(place).put(recordKey(place, targetKey(target)), target);
}

export function eraseTarget(target: TargetRecord, place: Place): void {
  targetTable(place).delete(recordKey(place, targetKey(target)));
}

const tagTable = (place: Place) => place.cloud.state.table<Tag[]>('elbv2.tags');

export function tagsOfArn(arn: string, place: Place): Tag[] {
  return tagTable(place).get(recordKey(place, arn)) ?? [];
}

export function putTags(arn: string, tags: Tag[], place: Place): void {
  tagTable(place).put(recordKey(place, arn), tags);
}

/** Who serves a name: `<DNS name>` → the owner's account and Region, and the ARN. */
export interface NamedLoadBalancer {
  readonly accountId: string;
  readonly region: string;
  readonly arn: string;
}

export function nameTable(cloud: Cloud) {
  return cloud.state.table<NamedLoadBalancer>('elbv2.names');
}

export function page(input: { Marker?: string | undefined; PageSize?: number | undefined }) {
  return { marker: input.Marker, limit: input.PageSize ?? 400, invalidMarkerCode: 'ValidationError' };
}

/** Every action of every listener and rule of the account and Region that names this target group. */
export function loadBalancersUsing(targetGroupArn: string, call: Call | Place): string[] {
  const users = [
    ...tableOf(listeners, call).withTerm(recordKey(call), targetGroupArn),
    ...tableOf(rules, call).withTerm(recordKey(call), targetGroupArn),
  ].map((one) => ('RuleArn' in one ? one.RuleArn : (one as Listener).ListenerArn) ?? '');
  return [...new Set(users.map(loadBalancerArnOf))];
}

export function targetGroupsOf(
  action: NonNullable<Rule['Actions']>[number],
): Array<{ arn: string; weight: number }> {
  if (action.Type !== 'forward') return [];
  const weighted = action.ForwardConfig?.TargetGroups ?? [];
  if (weighted.length > 0)
    return weighted.map((one) => ({ arn: one.TargetGroupArn ?? '', weight: one.Weight ?? 1 }));
  return [{ arn: action.TargetGroupArn ?? '', weight: 1 }];
}

/** ARNs of the target groups that a load balancer's listeners and rules forward to, in order. */
export function targetGroupsBehind(loadBalancerArn: string, place: Place): string[] {
  const actions = listenersOf(loadBalancerArn, place).flatMap((listener) => [
    ...(listener.DefaultActions ?? []),
    ...rulesOf(listener.ListenerArn ?? '', place).flatMap(({ Actions }) => Actions ?? []),
  ]);
  return [...new Set(actions.flatMap(targetGroupsOf).map(({ arn }) => arn))].sort();
}

/** `…:listener-rule/app/name/id/…` or `…:listener/app/name/id/…` → `…:loadbalancer/app/name/id`. */
export function loadBalancerArnOf(arn: string): string {
  return arn.replace(/:listener(-rule)?\/(app\/[^/]+\/[^/]+)\/.*$/, ':loadbalancer/$2');
}
