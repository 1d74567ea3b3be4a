/** AWS Backup: vaults whose locks hold, plans and selections that are recorded, and backups of databases on demand. */
import * as sdk from '@aws-sdk/client-backup';
import type { ServiceEmulation } from '../../model.ts';
import { jobOperations } from './jobs.ts';
import { planOperations } from './plans.ts';
import { pointOperations } from './points.ts';
import { vaultOperations } from './vaults.ts';

export { resources } from './resources.ts';

export const service: ServiceEmulation = {
  signingName: 'backup',
  sdk,
  operations: { ...vaultOperations, ...planOperations, ...pointOperations, ...jobOperations },
};
