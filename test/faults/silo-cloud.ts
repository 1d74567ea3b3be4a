import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployCell } from '../../bin/embedded-cell.ts';
import { readReleaseDirectory } from '../../bin/release-directory.ts';
import { siloShapes } from '../../bin/silo-shapes.ts';
import { readConfig, sandboxDefaults } from '../../lib/config.ts';
import type { Release } from '../../lib/domain/release.ts';
import type { CloudPorts } from '../../lib/ports/cloud.ts';
import { startSandbox } from '../../lib/sandbox/server.ts';
import { provisionPractice } from '../../lib/workflows/provision-practice.ts';
import { builtRelease } from '../builders/built-release.ts';
import { type CoreWithWorker, startCoreWithWorker, withoutApp } from '../builders/core-with-worker.ts';
import { sandboxPorts } from '../builders/sandbox-cell.ts';
import { control } from '../builders/sandbox-controls.ts';

/** A control plane with the practice templates of this checkout, on a sandbox in this process without data plane. */
export interface SiloCloud extends CoreWithWorker {
  readonly endpoint: string;
  readonly ports: CloudPorts;
  readonly release: Release;
  /** Adds a fault (docs/sandbox.md, "Faults"). */
  fault(rule: object): Promise<void>;
  /** ARNs of all that carries the practice's tag. */
  tagged(practiceId: string): Promise<string[]>;
}

export async function startSiloCloud(): Promise<SiloCloud> {
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-faults-'));
  const [built, sandbox] = await Promise.all([
    builtRelease(),
    startSandbox({ port: 0, directory, dataPlane: false, log: () => undefined }),
  ]);
  const { endpoint } = sandbox;
  const release = await readReleaseDirectory(built.release);
  await deployCell(endpoint, built.cell, readConfig({}).cell);
  const { repository } = release.manifest.image;
  await control(endpoint, 'PUT', 'images', { repository, folder: join(built.release, 'image') });
  const ports = sandboxPorts(endpoint);
  const parts = { ports, shapes: siloShapes, cell: sandboxDefaults, pollIntervalMs: 20 };
  const plane = await startCoreWithWorker({
    definitions: [provisionPractice(parts)].map(withoutApp()),
    releases: [release],
  });
  return {
    ...plane,
    endpoint,
    ports,
    release,
    fault: async (rule) => {
      await control(endpoint, 'POST', 'faults', rule);
    },
    tagged: async (practiceId) =>
      (await ports.tagged.ofPractices()).flatMap(({ arn, tags }) =>
        tags['lumenality:practice'] === practiceId ? [arn] : [],
      ),
    stop: async () => {
      await plane.stop();
      ports.close();
      await sandbox.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
