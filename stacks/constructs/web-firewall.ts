import { CfnLoggingConfiguration, CfnWebACL } from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import { EncryptedLogGroup } from './encrypted-log-group.ts';
import { accessRecordDays } from './practice-bucket.ts';
import { type PracticeKey, webLogGroupName } from './practice-key.ts';
import { arnInCell } from './practice-stack.ts';

export interface WebFirewallProps {
  readonly practiceId: string;
  readonly key: PracticeKey;
}

/**
 * Requests from one address in five minutes. A clinic shares one address: forty people who each cause a request every
 * three seconds stay below it; a flood does not. Guessed passwords are the app's to slow down.
 */
const requestsPerFiveMinutes = 5_000;

/**
 * What the load balancer refuses before the app sees it. Three of AWS's managed groups and a rate limit: a rule costs a
 * dollar a month, and these are the ones that the app's own language and database call for ("AWS Managed Rules rule groups list").
 */
export class WebFirewall extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string, { practiceId, key }: WebFirewallProps) {
    super(scope, id);
    const acl = new CfnWebACL(this, 'Resource', {
      // The deploy role may touch web firewalls of this name only.
      name: `lumenality-${practiceId}`,
      description: `Guards the address of practice ${practiceId}`,
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      // CloudWatch tells web firewalls apart by this name alone, and reserves `All` ("VisibilityConfig", AWS WAFV2 API Reference).
      visibilityConfig: measured(`lumenality-${practiceId}`),
      rules: [
        {
          name: 'rate-limit',
          priority: 0,
          statement: { rateBasedStatement: { limit: requestsPerFiveMinutes, aggregateKeyType: 'IP' } },
          action: { block: {} },
          visibilityConfig: measured('rate-limit'),
        },
        // A note of a session is longer than the 8 KiB that the group takes for an attack; the app has a limit of its own.
        managed(1, 'AWSManagedRulesCommonRuleSet', ['SizeRestrictions_BODY']),
        managed(2, 'AWSManagedRulesKnownBadInputsRuleSet'),
        managed(3, 'AWSManagedRulesSQLiRuleSet'),
      ],
    });
    const log = new EncryptedLogGroup(this, 'LogGroup', {
      name: webLogGroupName(practiceId),
      key,
      retentionDays: accessRecordDays,
    });
    new CfnLoggingConfiguration(this, 'Logging', {
      resourceArn: acl.attrArn,
      // Not the group's own `Arn`, which ends in `:*`: "Sending logs to CloudWatch Logs" has the ARN without it.
      logDestinationConfigs: [arnInCell('logs', `log-group:${log.name}`)],
      // A session is as good as a password.
      redactedFields: ['authorization', 'cookie'].map((header) => ({ singleHeader: { Name: header } })),
    });
    this.arn = acl.attrArn;
  }
}

/** Counted, and not sampled: samples would show the headers that the log leaves out. */
function measured(metricName: string): CfnWebACL.VisibilityConfigProperty {
  return { metricName, cloudWatchMetricsEnabled: true, sampledRequestsEnabled: false };
}

/** @param counted rules of the group that are only counted. */
function managed(priority: number, name: string, counted: readonly string[] = []): CfnWebACL.RuleProperty {
  return {
    name,
    priority,
    statement: {
      managedRuleGroupStatement: {
        vendorName: 'AWS',
        name,
        ...(counted.length > 0 && {
          ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
        }),
      },
    },
    overrideAction: { none: {} },
    visibilityConfig: measured(name),
  };
}
