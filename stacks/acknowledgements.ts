/** A finding of a release check that is accepted, and why: the reason is printed in the release's compliance report. */
export interface Acknowledgement {
  /** As the report prints it. */
  readonly rule: string;
  /** `<component>/<logical id>`: a resource that is not named here is not excused. */
  readonly resources: readonly string[];
  readonly reason: string;
}

const redirectsOnly =
  'This listener on port 80 answers with a redirect to HTTPS and forwards nothing. The HTTPS listener has an ACM certificate of its own.';

const standbyByPlan =
  'The rule cannot read a condition. The plan decides: group and enterprise silos keep a standby in a second zone; a solo practice accepts ' +
  'the time that a restore takes, from point-in-time recovery or from the locked vault and its second copy in another Region.';

/** Everything that a check of the release may find. A finding without an entry fails the build; so does an entry without a finding. */
export const acknowledgements: readonly Acknowledgement[] = [
  {
    rule: 'HIPAA.Security-ELBv2ACMCertificateRequired',
    resources: ['foundation/EntranceHttpListener'],
    reason: redirectsOnly,
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
      'CloudFormation cannot change the default security group of a VPC without a Lambda function. Provisioning and every update take its rules away ' +
      'instead, and verification and the drift reconciler read that it has none. Nothing uses it: load balancer, app, database and endpoints each name a group of their own.',
  },
  {
    rule: 'HIPAA.Security-RDSMultiAZSupport',
    resources: ['data/DatabaseInstance'],
    reason: standbyByPlan,
  },
  {
    rule: 'W2509',
    resources: ['service/Parameters/DatabaseSecretArn'],
    reason:
      'The rule goes by the name: the parameter is the ARN of a secret, which opens nothing. The app reads the password itself, with its own ' +
      'role, from Secrets Manager. Masked, the ARN could not be compared with the stack that gave it out.',
  },
  // The rules of AWS Security Hub, stacks/compliance.
  ...['EC2.10', 'EC2.57', 'EC2.58', 'EC2.60'].map(
    (id): Acknowledgement => ({
      rule: `SecurityHub.${id}`,
      resources: ['foundation/NetworkVpc'],
      reason:
        'A VPC has endpoints for what the app calls and for nothing else. There is no instance to manage, nothing calls the APIs of EC2 or ' +
        'Systems Manager, and no route leads to them: each further endpoint would be one more way out.',
    }),
  ),
  { rule: 'SecurityHub.ELB.18', resources: ['foundation/EntranceHttpListener'], reason: redirectsOnly },
  {
    rule: 'SecurityHub.S3.9',
    resources: ['foundation/LogBucket'],
    reason:
      'This is the bucket that access logs are delivered to: logging access to it in itself would never end. It is closed to the public and to ' +
      'other accounts, and no role of a silo may read it.',
  },
  { rule: 'SecurityHub.RDS.5', resources: ['data/DatabaseInstance'], reason: standbyByPlan },
  {
    rule: 'SecurityHub.RDS.23',
    resources: ['data/DatabaseInstance'],
    reason:
      'Another port would hide the database from nobody who is inside the VPC, and nobody else gets there: its subnets have no route outwards ' +
      'and its security group admits the app only. The port that everybody expects keeps mistakes out of firewall rules.',
  },
  {
    rule: 'SecurityHub.ECS.12',
    resources: ['service/ServiceCluster'],
    reason:
      'Container Insights charges for every metric of every task. What an operator acts on is measured without it, each with an alarm: ' +
      'whether a task is healthy, CPU of the service, latency and errors; how many tasks run, verification and the drift reconciler read.',
  },
];
