import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import type { CloudPorts } from '../ports/cloud.ts';
import { type CellAddress, call, createClients } from './clients.ts';
import { healthProbe, type ProbeSettings } from './health-probe.ts';
import { siloActions } from './silo-actions.ts';
import { siloReads } from './silo-reads.ts';
import { stackDeployments } from './stack-deployments.ts';
import { stackDrift } from './stack-drift.ts';

/** Connects the core to one AWS account and Region, or to a sandbox that answers like one. */
export function connectAws(cell: CellAddress & { readonly probe: ProbeSettings }): CloudPorts {
  const clients = createClients(cell);
  return {
    stacks: stackDeployments(clients),
    drift: stackDrift(clients),
    silo: siloReads(clients),
    actions: siloActions(clients),
    probe: healthProbe(cell.probe),
    reachable: async (signal) => {
      await call('sts', 'GetCallerIdentity', signal, (options) =>
        clients.sts.send(new GetCallerIdentityCommand({}), options),
      );
    },
    close: () => clients.close(),
  };
}
