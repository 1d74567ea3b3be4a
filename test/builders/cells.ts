import { sandboxDefaults } from '../../lib/config.ts';
import { generousLimits } from '../../lib/domain/capacity.ts';
import type { ConfiguredCell } from '../../lib/domain/cell.ts';
import { DomainError } from '../../lib/domain/errors.ts';
import type { CellAccess } from '../../lib/ports/cell-access.ts';
import type { Clouds } from '../../lib/ports/clouds.ts';
import { recordConfiguredCell } from '../../lib/use-cases/configured-cell.ts';
import type { Core } from '../../lib/use-cases/core.ts';

/** Lets the control plane into every cell, as the role of the configured one. */
export const openAccess: CellAccess = {
  check: async () => undefined,
  caller: async () => ({
    accountId: sandboxDefaults.credentials.accessKeyId,
    arn: 'arn:aws:iam::000000000000:role/control-plane',
  }),
};

/** For what never asks AWS for anything. */
export const noClouds: Clouds = {
  of: () => {
    throw new DomainError('cloud_failure', 'This test has no cloud.');
  },
  close: () => undefined,
};

/** The same for a practice's own cell. */
export const noSilo = (): Promise<never> =>
  Promise.reject(new DomainError('cloud_failure', 'This test has no cloud.'));

/** The cell `main` as a test's environment would have it, with room for everybody unless told. */
export function recordTestCell(core: Core, changes: Partial<ConfiguredCell> = {}): Promise<void> {
  return recordConfiguredCell(core, {
    region: sandboxDefaults.region,
    domain: sandboxDefaults.domain,
    hostedZoneId: sandboxDefaults.hostedZoneId,
    imageRegistry: sandboxDefaults.imageRegistry,
    s3PrefixListId: undefined,
    backupCopyRegion: 'us-west-2',
    alarmEmail: undefined,
    limits: {},
    standardLimits: generousLimits,
    ...changes,
  });
}
