import {
  Aws,
  type CfnElement,
  CfnOutput,
  CfnParameter,
  type CfnParameterProps,
  type IStackSynthesizer,
  LegacyStackSynthesizer,
  Stack,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** What a template calls itself; the control plane deploys it as the stack `lumenality-<practice id>-<component>`. */
type Component = 'foundation' | 'data' | 'service';

const practiceId: CfnParameterProps = {
  description: 'Id of the practice that this silo belongs to.',
  allowedPattern: '^[a-z][a-z0-9-]{2,30}$',
  constraintDescription: 'A lower-case slug of 3 to 31 characters that starts with a letter.',
};

/**
 * One of the three stacks of a silo: synthesised once a release, deployed once a practice. Account and Region are
 * pseudo parameters, whatever differs between practices is a parameter, and there are no assets, so that the template
 * needs no bootstrap stack and means the same in every cell.
 */
export abstract class PracticeStack extends Stack {
  readonly practiceId: string;

  constructor(scope: Construct, component: Component, description: string) {
    // The class is typed without exactOptionalPropertyTypes in mind, hence the assertion.
    const synthesizer = new LegacyStackSynthesizer() as IStackSynthesizer;
    super(scope, component, { description, synthesizer, analyticsReporting: false });
    this.practiceId = this.parameter('PracticeId', practiceId);
  }

  /** A parameter of type String; what an earlier stack of the silo gives out under the same name is handed on to it. */
  protected parameter(name: string, props: CfnParameterProps): string {
    return new CfnParameter(this, name, props).valueAsString;
  }

  /** A parameter of type Number, as the token of its value. */
  protected numberParameter(name: string, props: CfnParameterProps): number {
    return new CfnParameter(this, name, { ...props, type: 'Number' }).valueAsNumber;
  }

  /** A parameter that travels as a comma-separated string and reads as a list. */
  protected listParameter(name: string, props: CfnParameterProps): string[] {
    return new CfnParameter(this, name, { ...props, type: 'CommaDelimitedList' }).valueAsList;
  }

  protected output(name: string, value: string, description: string): void {
    new CfnOutput(this, name, { value, description });
  }

  /**
   * The construct path without CDK's hash: `Key`, `KeyAlias`, `NetworkVpc`. A logical id is the identity of a
   * resource that holds data, so it has to be readable in a review and must survive a change of CDK's own naming.
   */
  protected override allocateLogicalId(element: CfnElement): string {
    const path = element.node.scopes.slice(this.node.scopes.length).map((scope) => scope.node.id);
    return path.filter((id) => id !== 'Resource').join('');
  }
}

/** `arn:<partition>:<service>:<region>:<account>:<resource>` in the cell that the stack is deployed to. */
export function arnInCell(service: string, resource: string): string {
  return `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;
}

/** The account's root as principal: who may really act is then decided by IAM and by the statement's conditions. */
export const accountRoot = `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:root`;

/** Roles of a practice live under this path, so that its key policy can name them before they exist. */
export function rolePath(practiceId: string): string {
  return `/lumenality/${practiceId}/`;
}
