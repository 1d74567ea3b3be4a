import { join } from 'node:path';
import { z } from 'zod';
import { deployCell } from '../../bin/embedded-cell.ts';
import { pushImage } from '../../bin/embedded-release.ts';
import { readReleaseDirectory } from '../../bin/release-directory.ts';
import { readConfig, sandboxDefaults } from '../../lib/config.ts';
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
const callsSchema = z.object({ calls: z.record(z.string(), z.number()) });

/** @param name names its process and its directory. */
export async function startSandboxProcess(
  workspace: Workspace,
  name: string,
  options: { readonly release: string; readonly dataPlane: boolean },
): Promise<SandboxProcess> {
  const started = workspace.startEntry(name, 'bin/sandbox.ts', {
    args: [
      '--port',
      '0',
      '--data-dir',
      workspace.folder(`${name}-data`),
      ...(options.dataPlane ? [] : ['--no-data-plane']),
    ],
  });
  const { port } = await nextMessage(started, (message) => readySchema.safeParse(message).data);
  const endpoint = `http://127.0.0.1:${port}`;
  await deployCell(endpoint, cellBeside(options.release), readConfig({}).cell);
  const { manifest } = await readReleaseDirectory(options.release);
  await pushImage(endpoint, { ...manifest.image, folder: join(options.release, 'image') });
  return {
    endpoint,
    started,
    calls: async () => {
      const response = await fetch(`${endpoint}/_sandbox/calls`);
      return callsSchema.parse(await response.json()).calls;
    },
  };
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
