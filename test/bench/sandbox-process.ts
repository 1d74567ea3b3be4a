import { join } from 'node:path';
import { z } from 'zod';
import { deployCell } from '../../bin/embedded-cell.ts';
import { pushImage } from '../../bin/embedded-release.ts';
import { readReleaseDirectory } from '../../bin/release-directory.ts';
import { readConfig, sandboxDefaults } from '../../lib/config.ts';
import { callsMade } from '../builders/sandbox-controls.ts';
import { cellBeside } from './release.ts';
import { type Environment, nextMessage, type Started, type Workspace } from './workspace.ts';

/** A sandbox cloud of its own process, as `npm run sandbox` starts it, that has a cell and knows a release's image. */
export interface SandboxProcess {
  readonly endpoint: string;
  readonly started: Started;
  /** How often each operation was called so far, by `service:Operation`. */
  calls(): Promise<Readonly<Record<string, number>>>;
}

const readySchema = z.object({ ready: z.literal(true), port: z.number() });

/** @param name names its process and its directory. */
export async function startSandboxProcess(
  workspace: Workspace,
  name: string,
  options: { readonly release: string; readonly dataPlane: boolean },
): Promise<SandboxProcess> {
  const directory = workspace.folder(`${name}-data`);
  const { dataPlane, release } = options;
  const { endpoint, started } = await launchSandbox(workspace, name, { port: 0, directory, dataPlane });
  await furnish(endpoint, release);
  return {
    endpoint,
    started,
    calls: () => callsMade(endpoint),
  };
}

/** The process alone, for somebody who ends it and starts it again on the same port and directory; port 0 is any. */
export async function launchSandbox(
  workspace: Workspace,
  name: string,
  on: { readonly port: number; readonly directory: string; readonly dataPlane: boolean },
): Promise<Pick<SandboxProcess, 'endpoint' | 'started'>> {
  const args = ['--port', String(on.port), '--data-dir', on.directory];
  const started = workspace.startEntry(name, 'bin/sandbox.ts', {
    args: on.dataPlane ? args : [...args, '--no-data-plane'],
  });
  const { port } = await nextMessage(started, (message) => readySchema.safeParse(message).data);
  return { endpoint: `http://127.0.0.1:${port}`, started };
}

/** Gives a new sandbox its cell and the image of a release. */
export async function furnish(endpoint: string, release: string): Promise<void> {
  await deployCell(endpoint, cellBeside(release), readConfig({}).cell);
  const { manifest } = await readReleaseDirectory(release);
  await pushImage(endpoint, { ...manifest.image, folder: join(release, 'image') });
}

/** What an AWS tool needs to reach a sandbox as the account that the control plane uses. */
export function awsEnvironment(endpoint: string): Environment {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: sandboxDefaults.region,
    AWS_ACCESS_KEY_ID: sandboxDefaults.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: sandboxDefaults.credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}
