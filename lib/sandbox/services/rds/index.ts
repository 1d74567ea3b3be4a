import * as sdk from '@aws-sdk/client-rds';
import type { ServiceEmulation } from '../../model.ts';
import { resume, stop } from './engines.ts';
import { instanceOperations } from './instances.ts';
import { modifyOperations } from './modify.ts';
import { offerOperations } from './offers.ts';
import { parameterGroupOperations } from './parameter-groups.ts';
import { restoreOperations } from './restore.ts';
import { snapshotOperations } from './snapshots.ts';
import { subnetGroupOperations } from './subnet-groups.ts';
import { tagOperations } from './tags.ts';

export { resources } from './resources.ts';

/** Amazon RDS for PostgreSQL; source: Amazon RDS API Reference. */
export const service: ServiceEmulation = {
  signingName: 'rds',
  sdk,
  operations: {
    ...instanceOperations,
    ...modifyOperations,
    ...snapshotOperations,
    ...restoreOperations,
    ...subnetGroupOperations,
    ...parameterGroupOperations,
    ...offerOperations,
    ...tagOperations,
  },
  resume,
  stop,
};
