import * as sdk from '@aws-sdk/client-secrets-manager';
import type { ServiceEmulation } from '../../model.ts';
import { getRandomPassword } from './passwords.ts';
import { secretOperations } from './secrets.ts';
import { valueOperations } from './values.ts';

export { resources } from './resources.ts';

/** AWS Secrets Manager; source: AWS Secrets Manager API Reference. */
export const service: ServiceEmulation = {
  signingName: 'secretsmanager',
  sdk,
  operations: { ...secretOperations, ...valueOperations, GetRandomPassword: getRandomPassword },
};
