/** Amazon Route 53's operations on zones and records. */
import type {
  Change,
  ChangeResourceRecordSetsRequest,
  CreateHostedZoneRequest,
  DeleteHostedZoneRequest,
  GetChangeRequest,
  GetHostedZoneRequest,
  HostedZone,
  ListHostedZonesByNameRequest,
  ListHostedZonesRequest,
  ListResourceRecordSetsRequest,
  ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import { generatedId, recordKey } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import {
  bareZoneId,
  dnsName,
  eraseRecord,
  eraseZone,
  existingZone,
  findRecord,
  listZones,
  nameServers,
  putNewZone,
  putRecord,
  recordsOf,
  type ZoneRecord,
} from './zones.ts';

interface ChangeRecord {
  readonly Id: string;
  readonly SubmittedAt: Date;
}

const changes = (call: Call) => call.cloud.state.table<ChangeRecord>('route53.changes');
const changeKey = (call: Call, id: string) =>
  recordKey({ accountId: call.accountId, region: 'aws-global' }, id);

/** The sandbox's name server reads the records themselves, so a change is in effect at once. */
function submitted(call: Call) {
  const change = { Id: generatedId(call.requestId, 'C', 20, 'upper'), SubmittedAt: call.cloud.now() };
  changes(call).put(changeKey(call, change.Id), change);
  return { ...change, Id: `/change/${change.Id}`, Status: 'INSYNC' as const };
}

function shown(zone: ZoneRecord, call: Call): HostedZone {
  const ResourceRecordSetCount = recordsOf(zone.Id ?? '', call).length;
  return { ...zone, Id: `/hostedzone/${zone.Id}`, ResourceRecordSetCount };
}

export function createHostedZone(input: CreateHostedZoneRequest, call: Call) {
  const Name = dnsName(input.Name ?? '');
  if (!/^([a-z0-9_*-]{1,63}\.)+$/.test(Name))
    throw new AwsError('InvalidDomainName', `The domain name ${Name} is not valid.`);
  if (input.VPC !== undefined)
    throw new AwsError(
      'InvalidInput',
      'The sandbox has public hosted zones only. Leave out the parameter VPC.',
    );
  if (listZones(call).some((zone) => zone.CallerReference === input.CallerReference)) {
    throw new AwsError(
      'HostedZoneAlreadyExists',
      `A hosted zone has already been created with the specified caller reference: ${input.CallerReference}.`,
      409,
    );
  }
  const zone: ZoneRecord = {
    Id: generatedId(call.requestId, 'Z', 20, 'upper'),
    Name,
    CallerReference: input.CallerReference,
    Config: { ...input.HostedZoneConfig, PrivateZone: false },
  };
  putNewZone(zone, call);
  return {
    HostedZone: shown(zone, call),
    ChangeInfo: submitted(call),
    DelegationSet: { NameServers: nameServers },
    Location: `https://route53.amazonaws.com/2013-04-01/hostedzone/${zone.Id}`,
  };
}

export function getHostedZone(input: GetHostedZoneRequest, call: Call) {
  const zone = existingZone(input.Id, call);
  return { HostedZone: shown(zone, call), DelegationSet: { NameServers: nameServers } };
}

export function deleteHostedZone(input: DeleteHostedZoneRequest, call: Call) {
  const zone = existingZone(input.Id, call);
  const others = recordsOf(zone.Id ?? '', call).filter(
    (one) => one.Name !== zone.Name || !isApexType(one.Type),
  );
  if (others.length > 0) {
    throw new AwsError(
      'HostedZoneNotEmpty',
      'The specified hosted zone contains non-required resource record sets and so cannot be deleted.',
    );
  }
  eraseZone(zone, call);
  return { ChangeInfo: submitted(call) };
}

function isApexType(type: string | undefined): boolean {
  return type === 'NS' || type === 'SOA';
}

export function listHostedZones(input: ListHostedZonesRequest, call: Call) {
  const limit = pageSize(input.MaxItems);
  const rest = listZones(call).filter((zone) => (zone.Id ?? '') >= bareZoneId(input.Marker ?? ''));
  const next = rest[limit];
  return {
    HostedZones: rest.slice(0, limit).map((zone) => shown(zone, call)),
    IsTruncated: next !== undefined,
    Marker: input.Marker,
    NextMarker: next?.Id,
    MaxItems: limit,
  };
}

export function listHostedZonesByName(input: ListHostedZonesByNameRequest, call: Call) {
  const limit = pageSize(input.MaxItems);
  const from = input.DNSName === undefined ? '' : sortKey(dnsName(input.DNSName));
  const ordered = listZones(call).sort((one, other) =>
    compare(sortKey(one.Name ?? ''), sortKey(other.Name ?? '')),
  );
  const rest = ordered.filter((zone) => {
    const key = sortKey(zone.Name ?? '');
    return key > from || (key === from && (zone.Id ?? '') >= bareZoneId(input.HostedZoneId ?? ''));
  });
  const next = rest[limit];
  return {
    HostedZones: rest.slice(0, limit).map((zone) => shown(zone, call)),
    DNSName: input.DNSName,
    HostedZoneId: input.HostedZoneId,
    IsTruncated: next !== undefined,
    NextDNSName: next?.Name,
    NextHostedZoneId: next?.Id,
    MaxItems: limit,
  };
}

function pageSize(maxItems: number | undefined): number {
  const size = maxItems ?? 100;
  if (!Number.isInteger(size) || size < 1)
    throw new AwsError('InvalidInput', 'MaxItems must be a positive number.');
  return Math.min(size, 300);
}

/** Route 53 orders names by their labels from the right: `a.example.com` comes after `example.com`. */
function sortKey(name: string): string {
  return name.split('.').reverse().join('.');
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

export function listResourceRecordSets(input: ListResourceRecordSetsRequest, call: Call) {
  const zone = existingZone(input.HostedZoneId, call);
  const limit = pageSize(input.MaxItems);
  const orderOf = (record: ResourceRecordSet) =>
    [sortKey(dnsName(record.Name ?? '')), record.Type, record.SetIdentifier ?? ''].join('|');
  const from =
    input.StartRecordName === undefined
      ? ''
      : [
          sortKey(dnsName(input.StartRecordName)),
          input.StartRecordType ?? '',
          input.StartRecordIdentifier ?? '',
        ].join('|');
  const ordered = recordsOf(zone.Id ?? '', call).sort((one, other) => compare(orderOf(one), orderOf(other)));
  const rest = ordered.filter((record) => orderOf(record) >= from.replace(/\|+$/, ''));
  const next = rest[limit];
  return {
    ResourceRecordSets: rest.slice(0, limit),
    IsTruncated: next !== undefined,
    NextRecordName: next?.Name,
    NextRecordType: next?.Type,
    NextRecordIdentifier: next?.SetIdentifier,
    MaxItems: limit,
  };
}

export function getChange(input: GetChangeRequest, call: Call) {
  const id = (input.Id ?? '').replace(/^\/?change\//, '');
  const change = changes(call).get(changeKey(call, id));
  if (change === undefined) throw new AwsError('NoSuchChange', `Could not find resource with ID: ${id}`, 404);
  return { ChangeInfo: { ...change, Id: `/change/${id}`, Status: 'INSYNC' } };
}

/** All changes of a batch happen or none does. */
export function changeResourceRecordSets(
  input: ChangeResourceRecordSetsRequest,
  call: Call,
  createdBy?: string,
) {
  const zone = existingZone(input.HostedZoneId, call);
  call.cloud.state.transaction(() => {
    for (const change of input.ChangeBatch?.Changes ?? []) apply(change, zone, call, createdBy);
  });
  return { ChangeInfo: submitted(call) };
}

function apply(change: Change, zone: ZoneRecord, call: Call, createdBy?: string): void {
  const zoneId = zone.Id ?? '';
  const record = checked(change.ResourceRecordSet, zone);
  const label = `resource record set [name='${record.Name}', type='${record.Type}']`;
  const present = findRecord(zoneId, record, call);
  if (change.Action === 'CREATE' && present !== undefined)
    throw invalidBatch(`Tried to create ${label} but it already exists`);
  if (change.Action !== 'DELETE') {
    checkAlias(record, zone, call);
    putRecord(zoneId, createdBy === undefined ? record : { ...record, CreatedBy: createdBy }, call);
    return;
  }
  if (present === undefined) throw invalidBatch(`Tried to delete ${label} but it was not found`);
  if (!sameValues(present, record))
    throw invalidBatch(`Tried to delete ${label} but the values provided do not match the current values`);
  eraseRecord(zoneId, record, call);
}

function checked(record: ResourceRecordSet | undefined, zone: ZoneRecord): ResourceRecordSet {
  const Name = dnsName(record?.Name ?? '');
  if (record === undefined || (Name !== zone.Name && !Name.endsWith(`.${zone.Name}`)))
    throw invalidBatch(`RRSet with DNS name ${Name} is not permitted in zone ${zone.Name}`);
  if ((record.AliasTarget === undefined) === ((record.ResourceRecords ?? []).length === 0)) {
    throw new AwsError(
      'InvalidInput',
      'Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none or more than one.',
    );
  }
  return { ...record, Name };
}

/** A CNAME is alone at its name (RFC 1034, section 3.6.2). */
function checkAlias(record: ResourceRecordSet, zone: ZoneRecord, call: Call): void {
  const others = recordsOf(zone.Id ?? '', call).filter(
    (one) => one.Name === record.Name && one.Type !== record.Type,
  );
  if (others.length > 0 && (record.Type === 'CNAME' || others.some((one) => one.Type === 'CNAME'))) {
    throw invalidBatch(
      `RRSet of type ${record.Type} with DNS name ${record.Name} is not permitted because a conflicting RRSet of type ${others[0]?.Type} with the same DNS name already exists in zone ${zone.Name}`,
    );
  }
}

function sameValues(one: ResourceRecordSet, other: ResourceRecordSet): boolean {
  const values = (record: ResourceRecordSet) => [
    record.TTL,
    (record.ResourceRecords ?? []).map((value) => value.Value),
    record.AliasTarget && dnsName(record.AliasTarget.DNSName ?? ''),
  ];
  return JSON.stringify(values(one)) === JSON.stringify(values(other));
}

function invalidBatch(reason: string): AwsError {
  return new AwsError('InvalidChangeBatch', `[${reason}]`);
}
