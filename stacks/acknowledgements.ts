/** A finding of a release check that is accepted, and why: the reason is printed in the release's compliance report. */
export interface Acknowledgement {
  /** As the report prints it. */
  readonly rule: string;
  /** `<component>/<logical id>`: a resource that is not named here is not excused. */
  readonly resources: readonly string[];
  readonly reason: string;
}

/** Everything that a check of the release may find. A finding without an entry fails the build; so does an entry without a finding. */
export const acknowledgements: readonly Acknowledgement[] = [
  {
    rule: 'HIPAA.Security-ELBv2ACMCertificateRequired',
    resources: ['foundation/EntranceHttpListener'],
    reason:
      'This listener on port 80 answers with a redirect to HTTPS and forwards nothing. The HTTPS listener has an ACM certificate of its own.',
  },
  {
    rule: 'HIPAA.Security-S3DefaultEncryptionKMS',
    resources: ['foundation/LogBucket'],
    reason:
      'Elastic Load Balancing delivers access logs to buckets encrypted with keys that Amazon S3 manages (AES-256) and to no others. The bucket ' +
      'holds records of access, not documents; it is closed to the public and to other accounts, and answers over TLS only.',
  },
  {
    rule: 'HIPAA.Security-S3BucketReplicationEnabled',
    resources: ['foundation/Bucket', 'foundation/LogBucket'],
    reason:
      'Replication would copy a mistaken deletion too. AWS Backup keeps the documents instead: daily, in a locked vault, with a second copy in ' +
      'another Region. Access records are versioned and retained, and the app’s audit trail does not depend on them.',
  },
  {
    rule: 'HIPAA.Security-VPCNoUnrestrictedRouteToIGW',
    resources: ['foundation/NetworkPublicRouteToInternet'],
    reason:
      'The practice reaches its app over the internet. The route belongs to the two subnets of the load balancer; the subnets of the app and ' +
      'of the database have route tables of their own, without a route to the internet.',
  },
  {
    rule: 'HIPAA.Security-VPCDefaultSecurityGroupClosed',
    resources: ['foundation/NetworkVpc'],
    reason:
      'CloudFormation cannot change the default security group of a VPC without a Lambda function. Nothing in the silo uses it: load balancer, ' +
      'app, database and endpoints each name a group of their own, and the group admits only its own members.',
  },
  {
    rule: 'HIPAA.Security-RDSMultiAZSupport',
    resources: ['data/DatabaseInstance'],
    reason:
      'The rule cannot read a condition. The plan decides: group and enterprise silos keep a standby in a second zone; a solo practice accepts ' +
      'the time that a restore takes, from point-in-time recovery or from the locked vault and its second copy in another Region.',
  },
  {
    rule: 'W2509',
    resources: ['service/Parameters/DatabaseSecretArn'],
    reason:
      'The rule goes by the name: the parameter is the ARN of a secret, which opens nothing. The app reads the password itself, with its own ' +
      'role, from Secrets Manager. Masked, the ARN could not be compared with the stack that gave it out.',
  },
];
