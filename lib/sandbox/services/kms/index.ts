import * as sdk from '@aws-sdk/client-kms';
import type { ServiceEmulation } from '../../model.ts';
import { aliasOperations } from './aliases.ts';
import { cryptographicOperations } from './cryptography.ts';
import { keyOperations } from './keys.ts';
import { rotationOperations } from './rotation.ts';
import { signingOperations } from './signing.ts';

export { resources } from './resources.ts';

/** AWS KMS with symmetric keys and keys that sign; source: AWS Key Management Service API Reference. */
export const service: ServiceEmulation = {
  signingName: 'kms',
  sdk,
  operations: {
    ...keyOperations,
    ...aliasOperations,
    ...rotationOperations,
    ...cryptographicOperations,
    ...signingOperations,
  },
};
