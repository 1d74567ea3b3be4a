/** Listeners and their rules. */
import type {
  Action,
  Certificate,
  CreateListenerInput,
  CreateRuleInput,
  DeleteListenerInput,
  DeleteRuleInput,
  DescribeListenersInput,
  DescribeRulesInput,
  Listener,
  ModifyListenerInput,
  ModifyRuleInput,
  Rule,
  RuleCondition,
  SetRulePrioritiesInput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { generatedId } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { findCertificate, releaseCertificate, useCertificate } from '../acm/index.ts';
import {
  erase,
  existing,
  find,
  listeners,
  listenersOf,
  loadBalancerArnOf,
  loadBalancers,
  loadBalancersUsing,
  page,
  put,
  putTags,
  rules,
  rulesOf,
  targetGroups,
  targetGroupsOf,
} from './records.ts';

export function createListener(
  input: CreateListenerInput,
  call: Call,
  token = call.requestId,
): { Listeners: Listener[] } {
  const LoadBalancerArn = input.LoadBalancerArn ?? '';
  existing(loadBalancers, LoadBalancerArn, call);
  const ListenerArn = `${LoadBalancerArn.replace(':loadbalancer/', ':listener/')}/${generatedId(token, '', 16)}`;
  const made = find(listeners, ListenerArn, call);
  if (made !== undefined) return { Listeners: [made] };
  if (listenersOf(LoadBalancerArn, call).some((one) => one.Port === input.Port)) {
    throw new AwsError(
      'DuplicateListener',
      `A listener already exists on this port for this load balancer '${LoadBalancerArn}'`,
    );
  }
  const listener = checked({ ListenerArn, LoadBalancerArn }, input, call);
  call.cloud.state.transaction(() => {
    put(listeners, listener, call);
    putTags(ListenerArn, input.Tags ?? [], call);
    for (const { CertificateArn = '' } of listener.Certificates ?? [])
      useCertificate(CertificateArn, ListenerArn, LoadBalancerArn, call);
  });
  return { Listeners: [listener] };
}

type ListenerSettings = Pick<
  CreateListenerInput,
  'Port' | 'Protocol' | 'Certificates' | 'SslPolicy' | 'DefaultActions'
>;

function checked(
  identity: { ListenerArn: string; LoadBalancerArn: string },
  settings: ListenerSettings,
  call: Call,
): Listener {
  const { Port, Protocol, Certificates = [] } = settings;
  if (Protocol !== 'HTTP' && Protocol !== 'HTTPS')
    throw new AwsError('ValidationError', 'A listener protocol must be specified: HTTP or HTTPS');
  if (Port === undefined) throw new AwsError('ValidationError', 'A listener port must be specified');
  checkActions(settings.DefaultActions, identity.LoadBalancerArn, call);
  const DefaultActions = settings.DefaultActions;
  if (Protocol === 'HTTP') {
    if (Certificates.length > 0 || settings.SslPolicy !== undefined)
      throw new AwsError('ValidationError', `Protocol 'HTTP' takes neither certificates nor an SSL policy`);
    return { ...identity, Port, Protocol, DefaultActions };
  }
  if (Certificates.length === 0)
    throw new AwsError('ValidationError', 'A certificate must be specified for HTTPS listeners');
  for (const certificate of Certificates) checkCertificate(certificate, call);
  const SslPolicy = settings.SslPolicy ?? 'ELBSecurityPolicy-TLS13-1-2-2021-06';
  if (!/^ELBSecurityPolicy-[A-Za-z0-9-]+$/.test(SslPolicy))
    throw new AwsError('SSLPolicyNotFound', `SSL policy '${SslPolicy}' not found`);
  return { ...identity, Port, Protocol, Certificates, SslPolicy, DefaultActions };
}

function checkCertificate({ CertificateArn = '' }: Certificate, call: Call): void {
  const certificate = findCertificate(CertificateArn, call);
  if (certificate === undefined)
    throw new AwsError('CertificateNotFound', `Certificate '${CertificateArn}' not found`);
  if (certificate.Status !== 'ISSUED') {
    throw new AwsError(
      'UnsupportedCertificate',
      `The certificate '${CertificateArn}' must have a fully-qualified domain name, a supported signature, and a supported key size. Its status is ${certificate.Status}.`,
    );
  }
}

/** The action types that the sandbox's load balancer carries out. */
function checkActions(actions: readonly Action[] | undefined, loadBalancerArn: string, call: Call): void {
  if ((actions ?? []).length !== 1)
    throw new AwsError(
      'ValidationError',
      'The sandbox takes exactly one action: forward, redirect or fixed-response',
    );
  for (const action of actions ?? []) {
    if (action.Type === 'redirect' && action.RedirectConfig?.StatusCode === undefined)
      throw new AwsError('ValidationError', 'A redirect action must have a status code');
    if (action.Type === 'fixed-response' && !/^[245]\d\d$/.test(action.FixedResponseConfig?.StatusCode ?? ''))
      throw new AwsError(
        'ValidationError',
        'A fixed-response action must have a status code of 2XX, 4XX or 5XX',
      );
    if (!['forward', 'redirect', 'fixed-response'].includes(action.Type ?? ''))
      throw new AwsError(
        'ValidationError',
        `The sandbox does not carry out actions of type '${action.Type}'`,
      );
    for (const { arn } of targetGroupsOf(action)) {
      existing(targetGroups, arn, call);
      if (loadBalancersUsing(arn, call).some((user) => user !== loadBalancerArn)) {
        throw new AwsError(
          'TargetGroupAssociationLimit',
          `The following target groups cannot be associated with more than one load balancer: ${arn}`,
        );
      }
    }
  }
}

export function modifyListener(input: ModifyListenerInput, call: Call) {
  const before = existing(listeners, input.ListenerArn, call);
  const identity = { ListenerArn: before.ListenerArn ?? '', LoadBalancerArn: before.LoadBalancerArn ?? '' };
  const siblings = listenersOf(identity.LoadBalancerArn, call).filter(
    (one) => one.ListenerArn !== before.ListenerArn,
  );
  if (siblings.some((one) => one.Port === input.Port))
    throw new AwsError('DuplicateListener', `A listener already exists on port ${input.Port}`);
  const Protocol = input.Protocol ?? before.Protocol;
  const secure = Protocol === 'HTTPS';
  const settings = {
    Port: input.Port ?? before.Port,
    Protocol,
    Certificates: input.Certificates ?? (secure ? before.Certificates : undefined),
    SslPolicy: input.SslPolicy ?? (secure ? before.SslPolicy : undefined),
    DefaultActions: input.DefaultActions ?? before.DefaultActions,
  };
  const listener = checked(identity, settings, call);
  call.cloud.state.transaction(() => {
    put(listeners, listener, call);
    for (const one of before.Certificates ?? [])
      releaseCertificate(one.CertificateArn ?? '', identity.ListenerArn, call);
    for (const one of listener.Certificates ?? [])
      useCertificate(one.CertificateArn ?? '', identity.ListenerArn, identity.LoadBalancerArn, call);
  });
  return { Listeners: [listener] };
}

export function deleteListener({ ListenerArn = '' }: DeleteListenerInput, call: Call) {
  const listener = existing(listeners, ListenerArn, call);
  call.cloud.state.transaction(() => {
    for (const rule of rulesOf(ListenerArn, call)) erase(rules, rule.RuleArn ?? '', call);
    for (const one of listener.Certificates ?? [])
      releaseCertificate(one.CertificateArn ?? '', ListenerArn, call);
    erase(listeners, ListenerArn, call);
  });
  return {};
}

export function describeListeners(input: DescribeListenersInput, call: Call) {
  const { LoadBalancerArn, ListenerArns } = input;
  if (LoadBalancerArn === undefined && ListenerArns === undefined)
    throw new AwsError('ValidationError', 'You must specify either listener ARNs or a load balancer ARN');
  if (LoadBalancerArn !== undefined) existing(loadBalancers, LoadBalancerArn, call);
  const wanted =
    ListenerArns?.map((arn) => existing(listeners, arn, call)) ?? listenersOf(LoadBalancerArn ?? '', call);
  const { items, next } = pageOf(wanted, { keyOf: (one) => one.ListenerArn ?? '', ...page(input) });
  return { Listeners: items, NextMarker: next };
}

export function createRule(input: CreateRuleInput, call: Call, token = call.requestId): { Rules: Rule[] } {
  const ListenerArn = input.ListenerArn ?? '';
  existing(listeners, ListenerArn, call);
  const RuleArn = `${ListenerArn.replace(':listener/', ':listener-rule/')}/${generatedId(token, '', 16)}`;
  const made = find(rules, RuleArn, call);
  if (made !== undefined) return { Rules: [made] };
  checkPriority(ListenerArn, String(input.Priority), call);
  checkConditions(input.Conditions);
  checkActions(input.Actions, loadBalancerArnOf(ListenerArn), call);
  const rule: Rule = {
    RuleArn,
    Priority: String(input.Priority),
    Conditions: (input.Conditions ?? []).map(withValues),
    Actions: input.Actions,
    IsDefault: false,
  };
  put(rules, rule, call);
  putTags(RuleArn, input.Tags ?? [], call);
  return { Rules: [rule] };
}

function checkPriority(listenerArn: string, priority: string, call: Call): void {
  const number = Number(priority);
  if (!Number.isInteger(number) || number < 1 || number > 50_000)
    throw new AwsError('ValidationError', 'Rule priority must be between 1 and 50000');
  if (rulesOf(listenerArn, call).some((rule) => rule.Priority === priority))
    throw new AwsError('PriorityInUse', `Priority '${priority}' is currently in use`);
}

/** Host and path: the conditions that the sandbox's load balancer evaluates. Another one would be a rule never kept. */
function checkConditions(conditions: readonly RuleCondition[] | undefined): void {
  for (const condition of conditions ?? []) {
    if (condition.Field !== 'host-header' && condition.Field !== 'path-pattern')
      throw new AwsError(
        'ValidationError',
        `The sandbox does not evaluate conditions on '${condition.Field}'`,
      );
    if (conditionValues(condition).length === 0)
      throw new AwsError(
        'ValidationError',
        `A condition value must be specified for field '${condition.Field}'`,
      );
  }
}

export function conditionValues(condition: RuleCondition): string[] {
  return condition.HostHeaderConfig?.Values ?? condition.PathPatternConfig?.Values ?? condition.Values ?? [];
}

/** AWS shows a condition both in its old form and in its new one. */
function withValues(condition: RuleCondition): RuleCondition {
  const Values = conditionValues(condition);
  const config = condition.Field === 'host-header' ? 'HostHeaderConfig' : 'PathPatternConfig';
  return { Field: condition.Field, Values, [config]: { Values } };
}

export function modifyRule(input: ModifyRuleInput, call: Call) {
  const before = existing(rules, input.RuleArn, call);
  if (input.Conditions !== undefined) checkConditions(input.Conditions);
  if (input.Actions !== undefined) checkActions(input.Actions, loadBalancerArnOf(before.RuleArn ?? ''), call);
  const Conditions = input.Conditions?.map(withValues) ?? before.Conditions;
  return { Rules: [put(rules, { ...before, Conditions, Actions: input.Actions ?? before.Actions }, call)] };
}

export function setRulePriorities(input: SetRulePrioritiesInput, call: Call) {
  const Rules = call.cloud.state.transaction(() =>
    (input.RulePriorities ?? []).map(({ RuleArn, Priority }) => {
      const rule = existing(rules, RuleArn, call);
      const listenerArn = (RuleArn ?? '').replace(':listener-rule/', ':listener/').replace(/\/[^/]+$/, '');
      if (rule.Priority !== String(Priority)) checkPriority(listenerArn, String(Priority), call);
      return put(rules, { ...rule, Priority: String(Priority) }, call);
    }),
  );
  return { Rules };
}

export function deleteRule({ RuleArn = '' }: DeleteRuleInput, call: Call) {
  existing(rules, RuleArn, call);
  erase(rules, RuleArn, call);
  return {};
}

/** With the listener's default actions as its last rule, as AWS lists them. */
export function describeRules(input: DescribeRulesInput, call: Call) {
  const { ListenerArn, RuleArns } = input;
  if (ListenerArn === undefined)
    return { Rules: (RuleArns ?? []).map((arn) => existing(rules, arn, call)), NextMarker: undefined };
  const listener = existing(listeners, ListenerArn, call);
  const last: Rule = {
    RuleArn: `${ListenerArn.replace(':listener/', ':listener-rule/')}/${generatedId(ListenerArn, '', 16)}`,
    Priority: 'default',
    Conditions: [],
    Actions: listener.DefaultActions,
    IsDefault: true,
  };
  const ordered = [...rulesOf(ListenerArn, call), last];
  const keyOf = (rule: Rule) =>
    rule.Priority === 'default' ? 'default' : (rule.Priority ?? '').padStart(6, '0');
  const { items, next } = pageOf(ordered, { keyOf, ...page(input) });
  return { Rules: items, NextMarker: next };
}
