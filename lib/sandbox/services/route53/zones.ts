/** Hosted zones and their records as they are kept. Route 53 has no Region: keys say `aws-global`. */
import type { HostedZone, ResourceRecordSet } from '@aws-sdk/client-route-53';
import { recordKey } from '../../identifiers.ts';
import { AwsError, type Call, type State } from '../../model.ts';

/**
 * The zone that the sandbox has from the start, in its default account: `practices.localhost`. Every name under
 * `.localhost` is loopback on any machine (RFC 6761, section 6.3), so a practice's address works in a browser.
 */
export const sandboxHostedZoneId = 'Z0SANDBOXPRACTICES';
const sandboxZoneName = 'practices.localhost.';
const sandboxAccountId = '000000000000';

export type ZoneRecord = Omit<HostedZone, 'ResourceRecordSetCount'>;
/** `CreatedBy` tells CloudFormation's repeated attempt from a second record of the same name. */
export type DnsRecord = ResourceRecordSet & { CreatedBy?: string };

const zones = (state: State) => state.table<ZoneRecord>('route53.zones');
const records = (state: State) => state.table<DnsRecord>('route53.records');
/** `<name>|<key of the record>` → that key: resolving a host name must not read every zone. */
const names = (state: State) => state.table<string>('route53.names');

function ownerKey(call: Call, id = ''): string {
  return recordKey({ accountId: call.accountId, region: 'aws-global' }, id);
}

/** As DNS compares names (RFC 4343), with the root's dot. */
export function dnsName(text: string): string {
  const name = text.toLowerCase();
  return name.endsWith('.') ? name : `${name}.`;
}

export function bareZoneId(id: string): string {
  return id.replace(/^\/?hostedzone\//, '');
}

export function listZones(call: Call): ZoneRecord[] {
  seed(call);
  return zones(call.cloud.state).list(ownerKey(call));
}

export function findZone(id: string, call: Call): ZoneRecord | undefined {
  seed(call);
  return zones(call.cloud.state).get(ownerKey(call, bareZoneId(id)));
}

export function existingZone(id: string | undefined, call: Call): ZoneRecord {
  const zone = findZone(id ?? '', call);
  if (zone === undefined)
    throw new AwsError('NoSuchHostedZone', `No hosted zone found with ID: ${bareZoneId(id ?? '')}`, 404);
  return zone;
}

function seed(call: Call): void {
  const zone = {
    Id: sandboxHostedZoneId,
    Name: sandboxZoneName,
    CallerReference: 'sandbox',
    Config: { Comment: 'Addresses of practices on this machine', PrivateZone: false },
  };
  const isThere = () => zones(call.cloud.state).get(ownerKey(call, sandboxHostedZoneId)) !== undefined;
  if (call.accountId === sandboxAccountId && !isThere()) putNewZone(zone, call);
}

/** A new zone with the two records that every zone has. */
export function putNewZone(zone: ZoneRecord, call: Call): void {
  const { Name = '', Id = '' } = zone;
  call.cloud.state.transaction(() => {
    zones(call.cloud.state).put(ownerKey(call, Id), zone);
    putRecord(
      Id,
      { Name, Type: 'NS', TTL: 172_800, ResourceRecords: nameServers.map((Value) => ({ Value })) },
      call,
    );
    const soa = `${nameServers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400`;
    putRecord(Id, { Name, Type: 'SOA', TTL: 900, ResourceRecords: [{ Value: soa }] }, call);
  });
}

export const nameServers = ['ns-1.awsdns-sandbox.localhost', 'ns-2.awsdns-sandbox.localhost'];

export function eraseZone(zone: ZoneRecord, call: Call): void {
  call.cloud.state.transaction(() => {
    for (const record of recordsOf(zone.Id ?? '', call)) eraseRecord(zone.Id ?? '', record, call);
    zones(call.cloud.state).delete(ownerKey(call, zone.Id));
  });
}

function keyOf(zoneId: string, record: ResourceRecordSet, call: Call): string {
  return ownerKey(
    call,
    `${zoneId}/${[dnsName(record.Name ?? ''), record.Type, record.SetIdentifier ?? ''].join('|')}`,
  );
}

export function findRecord(zoneId: string, like: ResourceRecordSet, call: Call): DnsRecord | undefined {
  return records(call.cloud.state).get(keyOf(zoneId, like, call));
}

export function recordsOf(zoneId: string, call: Call): DnsRecord[] {
  return records(call.cloud.state).list(ownerKey(call, `${zoneId}/`));
}

export function putRecord(zoneId: string, record: DnsRecord, call: Call): void {
  const key = keyOf(zoneId, record, call);
  records(call.cloud.state).put(key, { ...record, Name: dnsName(record.Name ?? '') });
  names(call.cloud.state).put(`${dnsName(record.Name ?? '')}|${key}`, key);
}

export function eraseRecord(zoneId: string, record: ResourceRecordSet, call: Call): void {
  const key = keyOf(zoneId, record, call);
  records(call.cloud.state).delete(key);
  names(call.cloud.state).delete(`${dnsName(record.Name ?? '')}|${key}`);
}

/** What any account's zone says about a name, as a resolver would find it. */
export function resolve(name: string, state: State): DnsRecord[] {
  return names(state)
    .list(`${dnsName(name)}|`)
    .flatMap((key) => records(state).get(key) ?? []);
}
