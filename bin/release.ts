/** The CDK app that cdk.json names: `npx cdk synth` and `npx cdk diff` by hand. A release is made by release-build.ts. */
import { practiceStacks } from '../stacks/practice-app.ts';

practiceStacks().app.synth();
