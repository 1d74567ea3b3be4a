/**
 * AWS Certificate Manager. Certificates are records: the sandbox holds no private keys. Validation by DNS is real,
 * though: a certificate is issued once the CNAME that it asks for is in Route 53.
 */
import * as sdk from '@aws-sdk/client-acm';
import { generatedId, generatedUuid, recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call, type ResourceHandler, type ServiceEmulation } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { listOf, tagListOf, textOf } from '../properties.ts';
import { changeResourceRecordSets } from '../route53/operations.ts';
import { dnsName, findZone, resolve } from '../route53/zones.ts';

export type CertificateRecord = sdk.CertificateDetail & { Tags: sdk.Tag[] };

const certificates = (call: Call) => call.cloud.state.table<CertificateRecord>('acm.certificates');
/** `<certificate ARN>|<user>` → the load balancer that serves with it. */
const uses = (call: Call) => call.cloud.state.table<string>('acm.uses');

/** The certificate as it is now, or undefined; a pending one is issued as soon as its records are found. */
export function findCertificate(arn: string, call: Call): CertificateRecord | undefined {
  const record = certificates(call).get(recordKey(call, arn));
  if (record === undefined || record.Status !== 'PENDING_VALIDATION') return record;
  const options = (record.DomainValidationOptions ?? []).map((option) => ({
    ...option,
    ValidationStatus: isValidated(option, call) ? ('SUCCESS' as const) : ('PENDING_VALIDATION' as const),
  }));
  if (options.some((option) => option.ValidationStatus !== 'SUCCESS'))
    return { ...record, DomainValidationOptions: options };
  const now = call.cloud.now();
  const issued: CertificateRecord = {
    ...record,
    DomainValidationOptions: options,
    Status: 'ISSUED',
    IssuedAt: now,
    NotBefore: now,
    // "Public certificates: characteristics and limitations".
    NotAfter: new Date(now.getTime() + 198 * 24 * 3600 * 1000),
    RenewalEligibility: 'INELIGIBLE',
  };
  certificates(call).put(recordKey(call, arn), issued);
  return issued;
}

function existing(arn: string | undefined, call: Call): CertificateRecord {
  const certificate = findCertificate(arn ?? '', call);
  if (certificate === undefined)
    throw new AwsError('ResourceNotFoundException', `Could not find certificate ${arn}.`);
  return certificate;
}

function isValidated(option: sdk.DomainValidation, call: Call): boolean {
  const wanted = option.ResourceRecord;
  return resolve(wanted?.Name ?? '', call.cloud.state).some(
    (record) =>
      record.Type === 'CNAME' &&
      record.ResourceRecords?.some((value) => dnsName(value.Value ?? '') === wanted?.Value),
  );
}

/** Says that a load balancer serves with a certificate, which keeps the certificate from being deleted. */
export function useCertificate(arn: string, listenerArn: string, loadBalancerArn: string, call: Call): void {
  uses(call).put(`${arn}|${listenerArn}`, loadBalancerArn);
}

export function releaseCertificate(arn: string, listenerArn: string, call: Call): void {
  uses(call).delete(`${arn}|${listenerArn}`);
}

function requestCertificate(input: sdk.RequestCertificateRequest, call: Call, token = call.requestId) {
  const CertificateArn = regionalArn('acm', call, `certificate/${generatedUuid(token, 'certificate')}`);
  if (findCertificate(CertificateArn, call) !== undefined) return { CertificateArn };
  const DomainName = (input.DomainName ?? '').toLowerCase();
  const names = [...new Set([DomainName, ...(input.SubjectAlternativeNames ?? [])])];
  const wrong = names.find((name) => !/^(\*\.)?([a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}$/i.test(name));
  if (wrong !== undefined)
    throw new AwsError('InvalidDomainValidationOptionsException', `'${wrong}' is not a valid domain name.`);
  if (input.ValidationMethod !== 'DNS') {
    throw new AwsError(
      'InvalidParameterException',
      'The sandbox validates certificates by DNS only. Set ValidationMethod to DNS.',
    );
  }
  certificates(call).put(recordKey(call, CertificateArn), {
    CertificateArn,
    DomainName,
    SubjectAlternativeNames: names,
    DomainValidationOptions: names.map((name) => validationOf(name, call)),
    Subject: `CN=${DomainName}`,
    Issuer: 'Amazon',
    CreatedAt: call.cloud.now(),
    Status: 'PENDING_VALIDATION',
    KeyAlgorithm: input.KeyAlgorithm ?? 'RSA_2048',
    SignatureAlgorithm: 'SHA256WITHRSA',
    Type: 'AMAZON_ISSUED',
    Options: { CertificateTransparencyLoggingPreference: 'ENABLED', ...input.Options },
    Tags: input.Tags ?? [],
  });
  return { CertificateArn };
}

/** The CNAME is the same for every certificate of one account and name ("AWS Certificate Manager DNS validation"). */
function validationOf(name: string, call: Call): sdk.DomainValidation {
  const bare = name.replace(/^\*\./, '');
  const identity = `${call.accountId} ${bare}`;
  return {
    DomainName: name,
    ValidationDomain: name,
    ValidationMethod: 'DNS',
    ValidationStatus: 'PENDING_VALIDATION',
    ResourceRecord: {
      Type: 'CNAME',
      Name: `${generatedId(identity, '_', 32)}.${dnsName(bare)}`,
      Value: `${generatedId(`${identity} value`, '_', 32)}.sandbox.acm-validations.aws.`,
    },
  };
}

function describeCertificate(input: sdk.DescribeCertificateRequest, call: Call) {
  const { Tags: _tags, ...Certificate } = existing(input.CertificateArn, call);
  const InUseBy = [...new Set(uses(call).list(`${input.CertificateArn}|`))];
  return { Certificate: { ...Certificate, InUseBy } };
}

function listCertificates(input: sdk.ListCertificatesRequest, call: Call) {
  const all = certificates(call)
    .list(recordKey(call))
    .map((record) => existing(record.CertificateArn, call));
  const { items, next } = pageOf(
    all.filter(
      (one) => one.Status !== undefined && (input.CertificateStatuses?.includes(one.Status) ?? true),
    ),
    {
      keyOf: (one) => one.CertificateArn ?? '',
      marker: input.NextToken,
      limit: input.MaxItems ?? 1000,
      invalidMarkerCode: 'ValidationException',
    },
  );
  const CertificateSummaryList = items.map((one) => ({
    CertificateArn: one.CertificateArn,
    DomainName: one.DomainName,
    SubjectAlternativeNameSummaries: one.SubjectAlternativeNames,
    Status: one.Status,
    Type: one.Type,
    KeyAlgorithm: one.KeyAlgorithm,
    CreatedAt: one.CreatedAt,
    IssuedAt: one.IssuedAt,
    NotBefore: one.NotBefore,
    NotAfter: one.NotAfter,
    InUse: uses(call).list(`${one.CertificateArn}|`).length > 0,
  }));
  return { CertificateSummaryList, NextToken: next };
}

function deleteCertificate(input: sdk.DeleteCertificateRequest, call: Call): void {
  const { CertificateArn = '' } = existing(input.CertificateArn, call);
  if (uses(call).list(`${CertificateArn}|`).length > 0)
    throw new AwsError('ResourceInUseException', `Certificate ${CertificateArn} is in use.`);
  certificates(call).delete(recordKey(call, CertificateArn));
}

function changeTags(arn: string | undefined, change: (tags: sdk.Tag[]) => sdk.Tag[], call: Call): void {
  const certificate = existing(arn, call);
  certificates(call).put(recordKey(call, arn), { ...certificate, Tags: change(certificate.Tags) });
}

function addTags({ CertificateArn, Tags = [] }: sdk.AddTagsToCertificateRequest, call: Call): void {
  const named = new Set(Tags.map((tag) => tag.Key));
  changeTags(CertificateArn, (before) => [...before.filter((tag) => !named.has(tag.Key)), ...Tags], call);
}

function removeTags({ CertificateArn, Tags = [] }: sdk.RemoveTagsFromCertificateRequest, call: Call): void {
  const dropped = (tag: sdk.Tag) =>
    Tags.some((one) => one.Key === tag.Key && (one.Value === undefined || one.Value === tag.Value));
  changeTags(CertificateArn, (before) => before.filter((tag) => !dropped(tag)), call);
}

export const service: ServiceEmulation = {
  signingName: 'acm',
  sdk,
  operations: {
    RequestCertificate: (input: sdk.RequestCertificateRequest, call) =>
      // "RequestCertificate": the same token within an hour asks for the same certificate.
      requestCertificate(
        input,
        call,
        input.IdempotencyToken && `${recordKey(call)} ${input.IdempotencyToken}`,
      ),
    DescribeCertificate: describeCertificate,
    ListCertificates: listCertificates,
    DeleteCertificate: deleteCertificate,
    AddTagsToCertificate: addTags,
    RemoveTagsFromCertificate: removeTags,
    ListTagsForCertificate: (input: sdk.ListTagsForCertificateRequest, call) => ({
      Tags: existing(input.CertificateArn, call).Tags,
    }),
  },
};

interface ValidationOption {
  readonly DomainName: string;
  readonly HostedZoneId?: string;
}

const certificate: ResourceHandler = {
  type: 'AWS::CertificateManager::Certificate',
  fidelity: 'behaves',
  create(p, c) {
    const input = {
      DomainName: textOf(p['DomainName']),
      SubjectAlternativeNames: listOf(p['SubjectAlternativeNames']),
      ValidationMethod: (p['ValidationMethod'] ?? 'EMAIL') as sdk.ValidationMethod,
      KeyAlgorithm: p['KeyAlgorithm'] as sdk.KeyAlgorithm | undefined,
      Tags: tagListOf(p, c),
    };
    const { CertificateArn } = requestCertificate(input, c, c.token);
    const pending = existing(CertificateArn, c);
    // As CloudFormation does: it writes the validation record where the template names the zone.
    for (const option of listOf<ValidationOption>(p['DomainValidationOptions'])) {
      const wanted = pending.DomainValidationOptions?.find((one) => one.DomainName === option.DomainName);
      if (option.HostedZoneId !== undefined && wanted !== undefined)
        putValidation(option.HostedZoneId, wanted, c);
    }
    checkIssued(CertificateArn, c);
    return { physicalId: CertificateArn, attributes: { CertificateArn } };
  },
  update(physicalId, p, _previous, c) {
    changeTags(physicalId, () => tagListOf(p, c), c);
    return { physicalId, attributes: { CertificateArn: physicalId } };
  },
  delete(physicalId, _p, c) {
    if (findCertificate(physicalId, c) !== undefined) deleteCertificate({ CertificateArn: physicalId }, c);
  },
};

function putValidation(HostedZoneId: string, option: sdk.DomainValidation, call: Call): void {
  if (findZone(HostedZoneId, call) === undefined)
    throw new AwsError('NoSuchHostedZone', `No hosted zone found with ID: ${HostedZoneId}`, 404);
  const { Name, Value } = option.ResourceRecord ?? {};
  const ResourceRecordSet = { Name, Type: 'CNAME' as const, TTL: 300, ResourceRecords: [{ Value }] };
  changeResourceRecordSets(
    { HostedZoneId, ChangeBatch: { Changes: [{ Action: 'UPSERT', ResourceRecordSet }] } },
    call,
  );
}

/** AWS would wait for hours here; the sandbox's DNS cannot change by itself, so it says at once what is missing. */
function checkIssued(arn: string, call: Call): void {
  const { Status, DomainValidationOptions = [] } = existing(arn, call);
  if (Status === 'ISSUED') return;
  const missing = DomainValidationOptions.filter((option) => option.ValidationStatus !== 'SUCCESS');
  const names = missing
    .map((option) => `${option.DomainName} (CNAME ${option.ResourceRecord?.Name})`)
    .join(', ');
  throw new AwsError(
    'NotStabilized',
    `Certificate ${arn} stays PENDING_VALIDATION: no DNS record validates ${names}. Give DomainValidationOptions the HostedZoneId of a zone that holds the name.`,
  );
}

export const resources: readonly ResourceHandler[] = [certificate];
