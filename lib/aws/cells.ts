import { STSClient } from '@aws-sdk/client-sts';
import type { CallBudget } from '../ports/call-budget.ts';
import type { CellAccess } from '../ports/cell-access.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { CellAddress, Clouds } from '../ports/clouds.ts';
import { budgetedCalls } from './budgeted-calls.ts';
import { cellAccess } from './cell-access.ts';
import { identityOf, roleCredentials } from './cell-credentials.ts';
import { type ClientOptions, clientSettings, createClients } from './clients.ts';
import { healthProbe, type ProbeSettings } from './health-probe.ts';
import { siloActions } from './silo-actions.ts';
import { siloMetrics } from './silo-metrics.ts';
import { siloReads } from './silo-reads.ts';
import { siloRemovals } from './silo-removal.ts';
import { stackDeployments } from './stack-deployments.ts';
import { stackDrift } from './stack-drift.ts';
import { type Pace, watchStacks } from './stack-watch.ts';
import { taggedResources } from './tagged-resources.ts';

/** How the control plane reaches AWS, or a sandbox that answers like it. */
export interface Connection extends ClientOptions {
  /** The control plane's own: its STS is asked for the roles of all cells. */
  readonly region: string;
  readonly probe: ProbeSettings;
  readonly budget: CallBudget;
  readonly pace: Pace;
}

/** Connects the core to cells: each one's ports have credentials, connections and a budget of their own. */
export function connectCells(connection: Connection): Clouds & { readonly access: CellAccess } {
  const settings = clientSettings(connection);
  const sts = new STSClient(settings);
  const known = new Map<string, CloudPorts>();
  return {
    of: (cell) => {
      // By all that says where it is and how to get in: a cell that was corrected is connected anew.
      const key = JSON.stringify([cell.id, cell.accountId, cell.region, cell.roleArn, cell.externalId]);
      const ports = known.get(key) ?? connectCell(connection, sts, cell);
      known.set(key, ports);
      return ports;
    },
    access: cellAccess(sts, settings),
    close: () => {
      for (const ports of known.values()) ports.close();
      sts.destroy();
    },
  };
}

function connectCell(
  { credentials, endpoint, probe, budget, pace }: Connection,
  sts: STSClient,
  cell: CellAddress,
): CloudPorts {
  const own = cell.roleArn === null ? credentials : roleCredentials(sts, cell);
  const place = { region: cell.region, ...(endpoint === undefined ? {} : { endpoint }) };
  const clients = createClients({
    ...place,
    ...(own === undefined ? {} : { credentials: own }),
  });
  const calls = budgetedCalls(budget, cell.id);
  const { underWay, ...stacks } = stackDeployments(clients, calls, cell.accountId);
  const watch = watchStacks(underWay, pace, (count) => budget.takeSpare(cell.id, 'events', count));
  return {
    stacks: { ...stacks, glance: watch.glance },
    drift: stackDrift(clients, calls),
    silo: siloReads(clients),
    metrics: siloMetrics(clients),
    actions: siloActions(clients),
    removal: siloRemovals(clients, cell.accountId, place),
    tagged: taggedResources(clients.tagging),
    probe: healthProbe(probe),
    reachable: async (signal) => {
      await identityOf(clients.sts, signal);
    },
    close: () => {
      watch.close();
      clients.close();
    },
  };
}
