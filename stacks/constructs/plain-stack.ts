import {
  type CfnElement,
  CfnOutput,
  CfnParameter,
  type CfnParameterProps,
  type IStackSynthesizer,
  LegacyStackSynthesizer,
  Stack,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * A stack whose template means the same in every account and Region: both are pseudo parameters, and there are no
 * assets, so that it needs no bootstrap stack.
 */
export abstract class PlainStack extends Stack {
  constructor(scope: Construct, name: string, description: string) {
    // The class is typed without exactOptionalPropertyTypes in mind, hence the assertion.
    const synthesizer = new LegacyStackSynthesizer() as IStackSynthesizer;
    super(scope, name, { description, synthesizer, analyticsReporting: false });
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
