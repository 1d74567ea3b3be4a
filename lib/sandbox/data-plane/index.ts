import { join } from 'node:path';
import type { DataPlane, State } from '../model.ts';
import { openCertificateAuthority } from './certificate-authority.ts';
import { Databases } from './databases.ts';
import { FolderImageRegistry } from './images.ts';
import { TaskCredentials } from './task-credentials.ts';
import { Tasks } from './tasks.ts';

const TASK_GRACE_MS = 5000;

/** Beside the storages. Counted up when templates hold something else than before: a data directory may have an older one. */
export const databaseTemplateName = 'template-2';

export interface DataPlaneOptions {
  /** The sandbox's own directory: storage, images and the certificate authority live under it. */
  readonly directory: string;
  readonly state: State;
  /** Where this sandbox answers, for the AWS_ENDPOINT_URL of the tasks. */
  readonly endpoint: () => string;
  /**
   * Absolute path of lib/sandbox/data-plane/database-process, as `.ts` (run through tsx) or as compiled `.js`: only an
   * entry point knows where the code lies.
   */
  readonly databaseProcess: string;
  /** How long an engine stays up without a session; 5,000 unless told. */
  readonly databaseIdleMs?: number;
  /** How many database engines run at once; the others wait for one to become idle. 10 unless told. */
  readonly maxDatabaseEngines?: number;
  /** An initialised cluster to start new storage from (database-process.ts), for sandboxes that share one. */
  readonly databaseTemplate?: string;
}

export interface OpenedDataPlane extends DataPlane {
  /** PEM file of the sandbox's certificate authority, for clients outside it. */
  readonly certificatePath: string;
}

/** Databases, containers and images of one sandbox. One process at a time may open a directory. */
export async function createDataPlane(options: DataPlaneOptions): Promise<OpenedDataPlane> {
  const { directory, state, endpoint, databaseProcess } = options;
  const authority = await openCertificateAuthority(join(directory, 'ca'));
  const { certificatePath } = authority;
  const databases = new Databases({
    directory: join(directory, 'databases'),
    snapshots: join(directory, 'snapshots'),
    template: options.databaseTemplate ?? join(directory, 'databases', databaseTemplateName),
    state,
    authority,
    databaseProcess,
    idleMs: options.databaseIdleMs ?? 5000,
    maxEngines: options.maxDatabaseEngines ?? 10,
  });
  const images = new FolderImageRegistry(join(directory, 'images'));
  const credentials = await TaskCredentials.open(state);
  const tasks = new Tasks({ images, credentials, certificatePath, endpoint });
  return {
    databases,
    tasks,
    images,
    certificatePath,
    stop: async () => {
      await tasks.stopAll(TASK_GRACE_MS);
      await Promise.all([databases.stop(), credentials.close()]);
    },
  };
}
