import * as sdk from '@aws-sdk/client-cloudformation';
import type { Faults } from '../faults.ts';
import type { ResourceHandler, ServiceEmulation } from '../model.ts';

/** AWS CloudFormation over the given resource types. */
export function cloudFormation(_handlers: readonly ResourceHandler[], _faults: Faults): ServiceEmulation {
  return { signingName: 'cloudformation', sdk, operations: {} };
}
