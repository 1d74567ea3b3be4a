/**
 * The CDK app of somebody who deploys practices with the CDK command line: the product's own stacks, once for each
 * practice named on the command line, as `<practice>-<component>`.
 */
import { App, CfnOutput, CfnParameter, Stage } from 'aws-cdk-lib';
import { DataStack } from '../../../stacks/data-stack.ts';
import { FoundationStack } from '../../../stacks/foundation-stack.ts';
import { ServiceStack } from '../../../stacks/service-stack.ts';

const app = new App({ analyticsReporting: false, builtinCloudFormationValidation: false });
for (const practice of process.argv.slice(2)) siloOf(practice);
app.synth();

function siloOf(practice: string): void {
  const stage = new Stage(app, practice);
  for (const stack of [new FoundationStack(stage), new DataStack(stage), new ServiceStack(stage)]) {
    for (const element of stack.node.findAll()) withoutDescription(element);
  }
}

/** The CDK command line sends templates as YAML; with its descriptions, the foundation's would be too large to travel inline. */
function withoutDescription(element: object): void {
  if (element instanceof CfnParameter || element instanceof CfnOutput) element.description = undefined;
}
