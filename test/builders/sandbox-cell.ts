import { connectCells, type Pace } from '../../lib/aws/index.ts';
import { sandboxDefaults } from '../../lib/config.ts';
import { configuredCellId } from '../../lib/domain/cell.ts';
import type { CallBudget } from '../../lib/ports/call-budget.ts';
import type { CellAddress, Clouds } from '../../lib/ports/clouds.ts';

/** The sandbox throttles only when it is told to. */
const unlimited: CallBudget = {
  take: async () => undefined,
  takeSpare: async (_cellId, _kind, count) => count,
  throttled: async () => undefined,
};

/** The cell that the control plane reaches with its own credentials. */
export const sandboxCell: CellAddress = {
  id: configuredCellId,
  accountId: sandboxDefaults.credentials.accessKeyId,
  region: sandboxDefaults.region,
  roleArn: null,
  externalId: null,
};

/** Connects to a sandbox as the control plane does. */
export function connectSandbox(
  endpoint: string,
  budget: CallBudget = unlimited,
  pace: Pace = { listEveryMs: 50, eventsEveryMs: 50 },
): ReturnType<typeof connectCells> {
  return connectCells({
    region: sandboxDefaults.region,
    endpoint,
    credentials: sandboxDefaults.credentials,
    probe: { scheme: 'http', port: Number(new URL(endpoint).port) },
    budget,
    pace,
  });
}

/** The ports of the sandbox's own account. */
export const sandboxPorts = (endpoint: string): ReturnType<Clouds['of']> =>
  connectSandbox(endpoint).of(sandboxCell);
