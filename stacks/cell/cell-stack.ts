import { Aws, CfnCondition, Fn, type IResolvable } from 'aws-cdk-lib';
import { CfnManagedPolicy, CfnRole } from 'aws-cdk-lib/aws-iam';
import { CfnResourcePolicy } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { cellPath } from '../constructs/cell-names.ts';
import { PlainStack } from '../constructs/plain-stack.ts';
import { accountRoot, arnInCell } from '../constructs/practice-stack.ts';
import { allow, type Statement } from '../constructs/statements.ts';
import { controlPlanePolicy } from './control-plane-policy.ts';
import { deployDenials, deploysData, deploysNetwork } from './deploy-policy.ts';
import { deploysService } from './deploy-service-policy.ts';
import { practiceBoundary } from './practice-boundary.ts';
import { configurationReads } from './reads.ts';
import { retirePolicy } from './retire-policy.ts';

interface Trust {
  /** `sts:AssumeRole` unless told. */
  readonly Action?: readonly string[];
  readonly Principal: object;
  readonly Condition?: object;
}

/** What all silos of one account and Region share: roles, no data. Deployed once, by a person, before the first practice. */
export class CellStack extends PlainStack {
  constructor(scope: Construct) {
    super(scope, 'lumenality-cell', 'Lumenality cell: roles that its silos share');
    const principal = this.parameter('ControlPlanePrincipalArn', {
      description:
        'IAM role that the control plane runs as, or the root of its account: any principal there that IAM lets assume the role. Empty: of this account.',
      default: '',
      allowedPattern: '^$|^arn:[^:]+:iam::[0-9]{12}:(root|(role|user)/.+)$',
    });
    const externalId = this.parameter('ExternalId', {
      description:
        'What the control plane has to say when it assumes its role; empty: nothing, as in an account of its own.',
      default: '',
      allowedPattern: '^$|^[A-Za-z0-9+=,.@:/_-]{16,256}$',
      constraintDescription: 'At least 16 letters, digits or +=,.@:/_-, or empty.',
    });
    const hostedZoneId = this.parameter('HostedZoneId', {
      description: "Route 53 hosted zone of the practices' addresses.",
      allowedPattern: '^Z[A-Z0-9]{1,31}$',
    });

    const keyPoliciesUntil = this.parameter('KeyPolicyChangesUntil', {
      description:
        'Until when a release may change the policies of keys, in UTC; in the past: no release may.',
      default: '1970-01-01T00:00:00Z',
      allowedPattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$',
    });

    // Counted on by name from every role of a practice.
    this.policy(
      'PracticeBoundary',
      'The most that a role of a practice may do',
      practiceBoundary(),
      'practice-boundary',
    );
    const isNamed = this.unlessEmpty('ControlPlaneIsNamed', principal);
    const reads = this.policy(
      'ConfigurationReads',
      'How silos are configured, and nothing of what they keep',
      [allow('ReadConfiguration', configurationReads, '*')],
    );
    const controlPlane = this.role('ControlPlane', 'control-plane', 'What the control plane is to AWS', {
      trust: {
        Principal: { AWS: isNamed(principal, accountRoot) },
        // "The confused deputy problem" (IAM User Guide): who may name the role must know this cell's word too.
        Condition: this.unlessEmpty('AsksForExternalId', externalId)(
          { StringEquals: { 'sts:ExternalId': externalId } },
          Aws.NO_VALUE,
        ),
      },
      policies: [
        reads,
        this.policy('ControlPlanePolicy', 'What the control plane does to silos', controlPlanePolicy()),
      ],
    });
    const deploy = this.role('Deploy', 'deploy', 'CloudFormation acts with it for the control plane', {
      trust: {
        Principal: { Service: 'cloudformation.amazonaws.com' },
        // If at all: AWS documents these keys for CloudFormation's extensions, not for a stack's role ("Cross-service confused deputy
        // prevention"). Whoever gives the role to a stack needs iam:PassRole in this account anyway.
        Condition: {
          StringEqualsIfExists: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
          ArnLikeIfExists: { 'aws:SourceArn': arnInCell('cloudformation', 'stack/lumenality-*/*') },
        },
      },
      policies: [
        reads,
        this.policy('DeployNetwork', 'Network, address and firewall of silos', deploysNetwork(hostedZoneId)),
        this.policy(
          'DeployData',
          'Key, database, bucket, backup and logs of silos',
          deploysData(keyPoliciesUntil),
        ),
        this.policy('DeployService', 'App, roles and alarms of silos', deploysService()),
        this.policy('DeployDenials', 'What no deployment may do', deployDenials(keyPoliciesUntil)),
      ],
    });
    const retire = this.role('Retire', 'retire', 'Removes what outlives the stacks of one practice', {
      trust: {
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        // Where no principal is named, IAM says who may, as for the control plane's role.
        Principal: { AWS: isNamed(controlPlane, accountRoot) },
        Condition: { Null: { 'aws:RequestTag/lumenality:practice': 'false' } },
      },
      policies: [
        this.policy('RetirePolicy', 'What removes the silo of the practice at hand', retirePolicy()),
      ],
    });
    // "Setting up and enabling Enhanced Monitoring" (Amazon RDS User Guide).
    this.role(
      'DatabaseMonitoring',
      'database-monitoring',
      'Lets RDS deliver metrics of the operating system',
      {
        trust: {
          Principal: { Service: 'monitoring.rds.amazonaws.com' },
          Condition: {
            StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
            ArnLike: { 'aws:SourceArn': arnInCell('rds', 'db:*') },
          },
        },
        policies: [`arn:${Aws.PARTITION}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole`],
      },
    );
    this.webFirewallLogs();

    this.output('ControlPlaneRoleArn', controlPlane, 'Role that the control plane assumes');
    this.output('RetireRoleArn', retire, 'Role that the control plane removes silos with');
    this.output('DeployRoleArn', deploy, 'Role that CloudFormation deploys silos with');
  }

  /** A choice by whether a parameter has a value. */
  private unlessEmpty(id: string, value: string): (given: unknown, otherwise: unknown) => IResolvable {
    const { logicalId } = new CfnCondition(this, id, {
      expression: Fn.conditionNot(Fn.conditionEquals(value, '')),
    });
    return (given, otherwise) => Fn.conditionIf(logicalId, given, otherwise);
  }

  private policy(
    id: string,
    description: string,
    statements: readonly Statement[],
    managedPolicyName?: string,
  ): string {
    return new CfnManagedPolicy(this, id, {
      path: cellPath,
      description,
      policyDocument: { Version: '2012-10-17', Statement: statements },
      ...(managedPolicyName !== undefined && { managedPolicyName }),
    }).ref;
  }

  private role(
    id: string,
    roleName: string,
    description: string,
    { trust, policies }: { readonly trust: Trust; readonly policies: string[] },
  ): string {
    return new CfnRole(this, `${id}Role`, {
      path: cellPath,
      roleName,
      description,
      managedPolicyArns: policies,
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', ...trust }],
      },
    }).attrArn;
  }

  /**
   * One permission for the web firewalls of all silos: without it AWS WAF writes one for each log group, into a policy
   * that has room for a few dozen ("Logs sent to CloudWatch Logs", resource policy size limit considerations).
   */
  private webFirewallLogs(): void {
    new CfnResourcePolicy(this, 'WebFirewallLogs', {
      policyName: 'lumenality-web-firewall-logs',
      policyDocument: this.toJsonString({
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'WebFirewallsWrite',
            Effect: 'Allow',
            Principal: { Service: 'delivery.logs.amazonaws.com' },
            Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            Resource: arnInCell('logs', 'log-group:aws-waf-logs-lumenality-*:log-stream:*'),
            Condition: {
              StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
              ArnLike: { 'aws:SourceArn': arnInCell('logs', '*') },
            },
          },
        ],
      }),
    });
  }
}
