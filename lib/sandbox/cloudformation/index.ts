import * as sdk from '@aws-sdk/client-cloudformation';
import type { Operation, ResourceHandler, ServiceEmulation } from '../model.ts';
import { changeSetOperations } from './change-set-operations.ts';
import type { Disturbances } from './deployment.ts';
import { createDriftDetector } from './drift.ts';
import { driftOperations } from './drift-operations.ts';
import type { Api } from './requests.ts';
import { createRunner } from './runner.ts';
import { stackReads } from './stack-reads.ts';
import { stackWrites } from './stack-writes.ts';

/** AWS CloudFormation over the given resource types; of two handlers of one type the first counts. */
export function cloudFormation(
  handlers: readonly ResourceHandler[],
  disturbances: Disturbances,
): ServiceEmulation {
  const byType = new Map(handlers.toReversed().map((handler) => [handler.type, handler]));
  const runner = createRunner({ handlers: byType, ...disturbances });
  const detector = createDriftDetector(byType);
  const api: Api = { runner, isEmulated: (type) => byType.has(type) };
  const operations: Readonly<Record<string, Operation>> = {
    ...changeSetOperations(api),
    ...stackReads(api),
    ...stackWrites(api),
    ...driftOperations(detector),
  };
  return {
    signingName: 'cloudformation',
    sdk,
    operations,
    resume: async (cloud) => {
      detector.resume(cloud);
      runner.resume(cloud);
    },
    stop: async () => {
      await Promise.all([runner.stop(), detector.stop()]);
    },
  };
}
