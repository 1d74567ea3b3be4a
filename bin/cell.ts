/** The CDK app of a cell, for `npx cdk --app 'node --import tsx bin/cell.ts'`; docs/cell.md says how to deploy it. */
import { cellStacks } from '../stacks/cell/cell-app.ts';

cellStacks().app.synth();
