/**
 * The CDK app of somebody who deploys practices with the CDK command line: the product's own stacks, once for each
 * practice named on the command line, as `<practice>-<component>`.
 */
import { App, Stage } from 'aws-cdk-lib';
import { DataStack } from '../../../stacks/data-stack.ts';
import { FoundationStack } from '../../../stacks/foundation-stack.ts';
import { ServiceStack } from '../../../stacks/service-stack.ts';

const app = new App({ analyticsReporting: false, builtinCloudFormationValidation: false });
for (const practice of process.argv.slice(2)) siloOf(practice);
app.synth();

function siloOf(practice: string): object {
  const stage = new Stage(app, practice);
  return [new FoundationStack(stage), new DataStack(stage), new ServiceStack(stage)];
}
