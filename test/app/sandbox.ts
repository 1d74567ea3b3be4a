import { createDataPlane, type OpenedDataPlane } from '../../lib/sandbox/data-plane/index.ts';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';
import { builtEntry } from '../builders/built-entries.ts';
import { databaseTemplate } from '../sandbox/fixtures/database-template.ts';

/** A sandbox in this process that really runs databases and tasks, with its data plane in hand. */
export async function startAppSandbox(
  directory: string,
): Promise<{ readonly sandbox: Sandbox; readonly plane: OpenedDataPlane }> {
  const databaseProcess = await builtEntry('lib/sandbox/data-plane/database-process');
  let plane: OpenedDataPlane | undefined;
  const sandbox = await startSandbox({
    port: 0,
    directory,
    dataPlane: async (parts) => {
      plane = await createDataPlane({
        ...parts,
        databaseProcess,
        databaseTemplate,
        databaseIdleMs: 60_000,
      });
      return plane;
    },
  });
  if (plane === undefined) throw new Error('The sandbox was started without its data plane.');
  return { sandbox, plane };
}
