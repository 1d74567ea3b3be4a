import { App, type AppProps } from 'aws-cdk-lib';
import { CellCopiesStack } from './cell-copies-stack.ts';
import { CellStack } from './cell-stack.ts';

/** The stacks of a cell, under the names that CloudFormation knows them by. */
export interface CellStacks {
  readonly app: App;
  readonly stacks: {
    readonly 'lumenality-cell': CellStack;
    readonly 'lumenality-cell-copies': CellCopiesStack;
  };
}

/** As `practiceStacks`: without CDK's own validation, which the build runs on what it writes. */
export function cellStacks(props: AppProps = {}): CellStacks {
  const app = new App({ analyticsReporting: false, builtinCloudFormationValidation: false, ...props });
  return {
    app,
    stacks: { 'lumenality-cell': new CellStack(app), 'lumenality-cell-copies': new CellCopiesStack(app) },
  };
}
