/** The rules of a web ACL: what WAF would refuse, and how much of its capacity they take. No request is judged by them. */
import type { Rule, Statement } from '@aws-sdk/client-wafv2';
import { AwsError } from '../../model.ts';
import { invalidParameter } from './records.ts';

/** Web ACL capacity units of the AWS managed rule groups ("AWS Managed Rules rule groups list"). */
const managedGroups: Readonly<Record<string, number>> = {
  AWSManagedRulesCommonRuleSet: 700,
  AWSManagedRulesAdminProtectionRuleSet: 100,
  AWSManagedRulesKnownBadInputsRuleSet: 200,
  AWSManagedRulesSQLiRuleSet: 200,
  AWSManagedRulesLinuxRuleSet: 200,
  AWSManagedRulesUnixRuleSet: 100,
  AWSManagedRulesWindowsRuleSet: 200,
  AWSManagedRulesPHPRuleSet: 100,
  AWSManagedRulesWordPressRuleSet: 100,
  AWSManagedRulesAmazonIpReputationList: 25,
  AWSManagedRulesAnonymousIpList: 50,
  AWSManagedRulesBotControlRuleSet: 50,
};

const capacityLimit = 5000;
const metricName = /^[\w#:./-]{1,255}$/;
const evaluationWindows = [60, 120, 300, 600];

/** @returns the capacity of all rules together. @throws AwsError for what WAF would refuse. */
export function checkedCapacity(rules: readonly Rule[]): number {
  const priorities = new Set(rules.map((rule) => rule.Priority));
  if (priorities.size < rules.length)
    throw invalidParameter('Two rules have the same priority', 'RULE', 'Priority');
  const names = new Set(rules.map((rule) => rule.Name));
  if (names.size < rules.length) throw invalidParameter('Two rules have the same name', 'RULE', 'Name');
  const capacity = rules.reduce((sum, rule) => sum + checkedRule(rule), 0);
  if (capacity > capacityLimit) {
    throw new AwsError(
      'WAFLimitsExceededException',
      `AWS WAF couldn’t perform the operation because you exceeded your resource limit: the rules need ${capacity} of ${capacityLimit} capacity units.`,
    );
  }
  return capacity;
}

function checkedRule(rule: Rule): number {
  const name = rule.Name ?? '';
  if (!/^[\w-]{1,128}$/.test(name)) throw invalidParameter('The rule name is not valid', 'RULE', name);
  checkMetric(rule.VisibilityConfig?.MetricName ?? '');
  const statement = rule.Statement ?? {};
  const isGroup = statement.ManagedRuleGroupStatement !== undefined;
  if (isGroup ? rule.OverrideAction === undefined : rule.Action === undefined)
    throw invalidParameter(
      `A reference in your rule statement is not valid: a rule ${isGroup ? 'that refers to a rule group needs an OverrideAction' : 'needs an Action'}`,
      'RULE',
      name,
    );
  if (rule.Action !== undefined && rule.OverrideAction !== undefined)
    throw invalidParameter('You have used none or multiple values for a field', 'RULE_ACTION', name);
  return capacityOf(statement, name);
}

export function checkMetric(name: string): void {
  if (!metricName.test(name))
    throw invalidParameter('The metric name is not valid', 'VISIBILITY_CONFIG', name);
}

function capacityOf(statement: Statement, rule: string): number {
  const [kind, ...others] = Object.entries(statement).filter(([, value]) => value !== undefined);
  if (kind === undefined || others.length > 0)
    throw invalidParameter(
      'You have used none or multiple values for a field that requires exactly one value',
      'STATEMENT',
      rule,
    );
  const of = (parts: readonly Statement[] | undefined) =>
    (parts ?? []).reduce((sum, part) => sum + capacityOf(part, rule), 0);
  const { ManagedRuleGroupStatement: group, RateBasedStatement: rate } = statement;
  if (group) return groupCapacity(group.VendorName, group.Name) + of(optional(group.ScopeDownStatement));
  if (rate) {
    checkRate(rate, rule);
    return 2 + of(optional(rate.ScopeDownStatement));
  }
  if (statement.AndStatement) return of(statement.AndStatement.Statements);
  if (statement.OrStatement) return of(statement.OrStatement.Statements);
  if (statement.NotStatement) return of(optional(statement.NotStatement.Statement));
  if (statement.GeoMatchStatement || statement.LabelMatchStatement) return 1;
  throw invalidParameter(
    `The sandbox does not know ${kind[0]}; it knows managed rule groups, rates, countries, labels, and their combinations`,
    'STATEMENT',
    rule,
  );
}

const optional = (statement: Statement | undefined) => (statement === undefined ? [] : [statement]);

function groupCapacity(vendor: string | undefined, name: string | undefined): number {
  const capacity = vendor === 'AWS' ? managedGroups[name ?? ''] : undefined;
  if (capacity === undefined) {
    throw invalidParameter(
      'A reference in your rule statement is not valid: the managed rule group does not exist',
      'MANAGED_RULE_SET',
      `${vendor}#${name}`,
    );
  }
  return capacity;
}

function checkRate(rate: NonNullable<Statement['RateBasedStatement']>, rule: string): void {
  const { Limit = 0, EvaluationWindowSec = 300 } = rate;
  if (Limit < 10 || Limit > 2_000_000_000)
    throw invalidParameter('The limit is not from 10 to 2000000000', 'RATE_BASED_STATEMENT', String(Limit));
  if (!evaluationWindows.includes(EvaluationWindowSec))
    throw invalidParameter(
      `The evaluation window is none of ${evaluationWindows.join(', ')} seconds`,
      'RATE_BASED_STATEMENT',
      String(EvaluationWindowSec),
    );
  if (rate.AggregateKeyType === 'CONSTANT' && rate.ScopeDownStatement === undefined)
    throw invalidParameter(
      'A rate of all requests needs a scope-down statement',
      'RATE_BASED_STATEMENT',
      rule,
    );
}
