/** What RDS offers: engine versions and certificate authorities. */
import type {
  CertificateMessage,
  DBEngineVersionMessage,
  DescribeCertificatesMessage,
  DescribeDBEngineVersionsMessage,
} from '@aws-sdk/client-rds';
import { regionalArn } from '../../identifiers.ts';
import type { Call } from '../../model.ts';
import { checkedCertificate } from './checks.ts';
import {
  certificates,
  defaultCertificate,
  engine,
  engineDescription,
  engineVersions,
  familyOf,
  logTypes,
  resolveVersion,
} from './engine.ts';

function describeDBEngineVersions(input: DescribeDBEngineVersionsMessage): DBEngineVersionMessage {
  const newest = new Map(engineVersions.map((version) => [familyOf(version), version]));
  const asked = input.EngineVersion === undefined ? undefined : resolveVersion(input.EngineVersion);
  const offered = engineVersions
    .filter(() => input.Engine === undefined || input.Engine === engine)
    .filter((version) => input.EngineVersion === undefined || version === asked)
    .filter(
      (version) =>
        input.DBParameterGroupFamily === undefined || familyOf(version) === input.DBParameterGroupFamily,
    )
    .filter((version) => input.DefaultOnly !== true || newest.get(familyOf(version)) === version);
  return {
    DBEngineVersions: offered.map((version) => ({
      Engine: engine,
      EngineVersion: version,
      MajorEngineVersion: version.split('.')[0],
      DBParameterGroupFamily: familyOf(version),
      DBEngineDescription: engineDescription,
      DBEngineVersionDescription: `${engineDescription} ${version}`,
      ExportableLogTypes: [...logTypes],
      SupportsLogExportsToCloudwatchLogs: true,
      Status: 'available',
    })),
  };
}

function describeCertificates(input: DescribeCertificatesMessage, call: Call): CertificateMessage {
  const asked =
    input.CertificateIdentifier === undefined ? undefined : checkedCertificate(input.CertificateIdentifier);
  return {
    DefaultCertificateForNewLaunches: defaultCertificate,
    Certificates: certificates
      .filter(({ id }) => asked === undefined || id === asked)
      .map(({ id, validFrom, validTill }) => ({
        CertificateIdentifier: id,
        CertificateType: 'CA',
        CertificateArn: regionalArn('rds', call, `cert:${id}`),
        ValidFrom: new Date(validFrom),
        ValidTill: new Date(validTill),
        CustomerOverride: false,
      })),
  };
}

export const offerOperations = {
  DescribeDBEngineVersions: describeDBEngineVersions,
  DescribeCertificates: describeCertificates,
};
