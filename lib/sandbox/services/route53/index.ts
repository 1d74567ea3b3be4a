/** Amazon Route 53: zones and records; the load balancer's front finds its host names here. */
import * as sdk from '@aws-sdk/client-route-53';
import { AwsError, type ResourceContext, type ResourceHandler, type ServiceEmulation } from '../../model.ts';
import { flagOf, listOf, numberOf, textOf } from '../properties.ts';
import * as operations from './operations.ts';
import { dnsName, findRecord, findZone, listZones } from './zones.ts';

export const service: ServiceEmulation = {
  signingName: 'route53',
  sdk,
  operations: {
    CreateHostedZone: operations.createHostedZone,
    GetHostedZone: operations.getHostedZone,
    DeleteHostedZone: operations.deleteHostedZone,
    ListHostedZones: operations.listHostedZones,
    ListHostedZonesByName: operations.listHostedZonesByName,
    ListResourceRecordSets: operations.listResourceRecordSets,
    ChangeResourceRecordSets: (input: sdk.ChangeResourceRecordSetsRequest, call) =>
      operations.changeResourceRecordSets(input, call),
    GetChange: operations.getChange,
  },
};

type Properties = Record<string, unknown>;

const recordSet: ResourceHandler = {
  type: 'AWS::Route53::RecordSet',
  fidelity: 'behaves',
  create(p, c) {
    const zoneId = zoneIdOf(p, c);
    const record = recordOf(p);
    const present = findRecord(zoneId, record, c);
    if (present?.CreatedBy !== c.token || present === undefined) change('CREATE', zoneId, record, c);
    return { physicalId: record.Name ?? '', attributes: {} };
  },
  update(_physicalId, p, previous, c) {
    const record = recordOf(p);
    const before = recordOf(previous);
    const moved = dnsName(before.Name ?? '') !== dnsName(record.Name ?? '') || before.Type !== record.Type;
    change('UPSERT', zoneIdOf(p, c), record, c);
    if (moved) remove(previous, c);
    return { physicalId: record.Name ?? '', attributes: {} };
  },
  delete: (_physicalId, p, c) => remove(p, c),
};

function change(
  Action: sdk.ChangeAction,
  HostedZoneId: string,
  record: sdk.ResourceRecordSet,
  c: ResourceContext,
) {
  const ChangeBatch = { Changes: [{ Action, ResourceRecordSet: record }] };
  operations.changeResourceRecordSets({ HostedZoneId, ChangeBatch }, c, c.token);
}

function remove(p: Properties, c: ResourceContext): void {
  const zoneId = textOf(p['HostedZoneId']);
  // A zone that is gone has taken its records along.
  if (zoneId !== undefined && findZone(zoneId, c) === undefined) return;
  const present = findRecord(zoneIdOf(p, c), recordOf(p), c);
  if (present !== undefined) change('DELETE', zoneIdOf(p, c), present, c);
}

function zoneIdOf(p: Properties, c: ResourceContext): string {
  const id = textOf(p['HostedZoneId']);
  const name = textOf(p['HostedZoneName']);
  if (id !== undefined) {
    const zone = findZone(id, c);
    if (zone === undefined)
      throw new AwsError('NoSuchHostedZone', `No hosted zone found with ID: ${id}`, 404);
    return zone.Id ?? '';
  }
  const zones = listZones(c).filter((zone) => name !== undefined && zone.Name === dnsName(name));
  const [zone] = zones;
  if (zone === undefined || zones.length > 1) {
    throw new AwsError(
      'InvalidRequest',
      `A record needs the HostedZoneId, or the HostedZoneName of exactly one hosted zone; ${zones.length} are named '${name ?? ''}'.`,
    );
  }
  return zone.Id ?? '';
}

function recordOf(p: Properties): sdk.ResourceRecordSet {
  const alias = p['AliasTarget'] as
    | { DNSName: string; HostedZoneId: string; EvaluateTargetHealth?: unknown }
    | undefined;
  const TTL = numberOf(p['TTL']);
  return {
    Name: textOf(p['Name']),
    Type: p['Type'] as sdk.RRType,
    ...(p['SetIdentifier'] !== undefined && { SetIdentifier: textOf(p['SetIdentifier']) }),
    ...(p['Weight'] !== undefined && { Weight: numberOf(p['Weight']) }),
    ...(TTL !== undefined && { TTL }),
    ...(alias === undefined
      ? { ResourceRecords: listOf(p['ResourceRecords']).map((Value) => ({ Value })) }
      : { AliasTarget: { ...alias, EvaluateTargetHealth: flagOf(alias.EvaluateTargetHealth) ?? false } }),
  };
}

export const resources: readonly ResourceHandler[] = [recordSet];
