import { App, type AppProps } from 'aws-cdk-lib';
import { DataStack } from './data-stack.ts';
import { FoundationStack } from './foundation-stack.ts';
import { ServiceStack } from './service-stack.ts';

export interface PracticeStacks {
  readonly app: App;
  /** In the order of deployment. */
  readonly stacks: {
    readonly foundation: FoundationStack;
    readonly data: DataStack;
    readonly service: ServiceStack;
  };
}

/**
 * The stacks of one silo. CDK's own validation is left to the release build, which runs it on the templates as they
 * are shipped: here it would cost every synthesis seconds.
 */
export function practiceStacks(props: AppProps = {}): PracticeStacks {
  const app = new App({ analyticsReporting: false, builtinCloudFormationValidation: false, ...props });
  return {
    app,
    stacks: {
      foundation: new FoundationStack(app),
      data: new DataStack(app),
      service: new ServiceStack(app),
    },
  };
}
