import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployCell } from '../../bin/embedded-cell.ts';
import { readReleaseDirectory } from '../../bin/release-directory.ts';
import { readConfig } from '../../lib/config.ts';
import type { Release } from '../../lib/domain/release.ts';
import type { CloudPorts } from '../../lib/ports/cloud.ts';
import { databaseTemplateName } from '../../lib/sandbox/data-plane/index.ts';
import { madeDatabaseTemplate } from '../sandbox/fixtures/database-template.ts';
import { builtEntry } from './built-entries.ts';
import { builtRelease } from './built-release.ts';
import { eventually, type Started, start } from './process.ts';
import { sandboxPorts } from './sandbox-cell.ts';
import { control } from './sandbox-controls.ts';
import { type SiloDamage, siloDamage } from './silo-damage.ts';

/** A sandbox cloud in a process of its own, which knows the image of a release of this checkout. */
export interface SandboxCloud {
  readonly endpoint: string;
  readonly release: Release;
  readonly ports: CloudPorts;
  /** Adds a fault (docs/sandbox.md, "Faults"); answers what takes it away again. */
  fault(rule: object): Promise<() => Promise<void>>;
  /** The faults that may still hit. */
  faults(): Promise<{ readonly match?: string }[]>;
  /** Lets time pass in the cloud. */
  advanceDays(days: number): Promise<void>;
  readonly damage: SiloDamage;
  stop(): Promise<void>;
}

/** Starts `npm run sandbox` on a port of its own; `endpoint` resolves as soon as it answers. */
export async function startSandboxProcess(
  dataDirectory: string,
): Promise<{ readonly sandbox: Started; readonly endpoint: Promise<string> }> {
  const program = await builtEntry('bin/sandbox');
  // Where a sandbox looks for one before it makes its own, which takes longer than a silo.
  const databases = join(dataDirectory, 'databases');
  mkdirSync(databases, { recursive: true, mode: 0o700 });
  symlinkSync(await madeDatabaseTemplate(), join(databases, databaseTemplateName));
  const sandbox = start(process.execPath, [program, '--port', '0', '--data-dir', dataDirectory], {});
  const endpoint = eventually(() => /AWS_ENDPOINT_URL=(\S+)/.exec(sandbox.output())?.[1], sandbox.output);
  return { sandbox, endpoint };
}

export async function startSandboxCloud(): Promise<SandboxCloud> {
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-workflow-'));
  const { sandbox, endpoint: answering } = await startSandboxProcess(join(directory, 'sandbox'));
  const [built, endpoint] = await Promise.all([builtRelease(), answering]);
  await deployCell(endpoint, built.cell, readConfig({}).cell);
  const release = await readReleaseDirectory(built.release);
  await control(endpoint, 'PUT', 'images', {
    repository: release.manifest.image.repository,
    folder: join(built.release, 'image'),
  });
  const ports = sandboxPorts(endpoint);
  const damage = siloDamage(endpoint);
  return {
    endpoint,
    release,
    ports,
    fault: async (rule) => {
      const { id } = (await (await control(endpoint, 'POST', 'faults', rule)).json()) as { id: string };
      return async () => {
        await control(endpoint, 'DELETE', `faults?id=${id}`);
      };
    },
    faults: async () =>
      ((await (await control(endpoint, 'GET', 'faults')).json()) as { faults: { match?: string }[] }).faults,
    advanceDays: async (days) => {
      await control(endpoint, 'PUT', 'clock', { advanceDays: days });
    },
    damage,
    stop: async () => {
      damage.close();
      ports.close();
      sandbox.child.kill('SIGTERM');
      await sandbox.ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
