/** AWS Backup: vaults whose locks hold, plans and selections that are recorded, recovery points. */
import * as sdk from '@aws-sdk/client-backup';
import type { ServiceEmulation } from '../../model.ts';
import { planOperations } from './plans.ts';
import { pointOperations } from './points.ts';
import { vaultOperations } from './vaults.ts';

export { resources } from './resources.ts';

export const service: ServiceEmulation = {
  signingName: 'backup',
  sdk,
  operations: { ...vaultOperations, ...planOperations, ...pointOperations },
};
