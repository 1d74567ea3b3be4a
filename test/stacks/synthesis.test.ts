import { App, CfnResource, Stack } from 'aws-cdk-lib';
import { synthesiseStacks } from '../../stacks/release/synthesis.ts';

type Made = ReturnType<ReturnType<typeof stackOf>>;

/** A stack of so many resources. */
const stackOf = (resources: number) => (outdir: string) => {
  const app = new App({ outdir, analyticsReporting: false, builtinCloudFormationValidation: false });
  const foundation = new Stack(app, 'foundation');
  const topic = (_: unknown, at: number) =>
    new CfnResource(foundation, `Topic${at}`, { type: 'AWS::SNS::Topic' });
  Array.from({ length: resources }, topic);
  return { app, stacks: { foundation } };
};

test('a template has no more resources than CloudFormation tells of: what it left out would outlive its silo', () => {
  expect(() => synthesiseStacks(stackOf(101))).toThrow(
    /foundation template has \d+ resources.*describes 100/,
  );
  expect(synthesiseStacks<'foundation', Made>(stackOf(90)).templates.foundation.body).toContain('Topic89');
});
