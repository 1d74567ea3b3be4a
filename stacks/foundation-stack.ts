import { Fn } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { AlarmTopic } from './constructs/alarm-topic.ts';
import { EncryptedLogGroup } from './constructs/encrypted-log-group.ts';
import { Endpoints } from './constructs/endpoints.ts';
import { Entrance } from './constructs/entrance.ts';
import { Firewall } from './constructs/firewall.ts';
import { Network } from './constructs/network.ts';
import { NetworkRecord } from './constructs/network-record.ts';
import { LogBucket, PracticeBucket } from './constructs/practice-bucket.ts';
import { PracticeKey } from './constructs/practice-key.ts';
import { PracticeStack } from './constructs/practice-stack.ts';
import { WebFirewall } from './constructs/web-firewall.ts';

/** What a practice has before it has data: its key, its network, its bucket, its logs and its address. */
export class FoundationStack extends PracticeStack {
  constructor(scope: Construct) {
    super(scope, 'foundation', 'Lumenality practice silo: key, network, bucket, logs and address');
    const hostName = this.parameter('HostName', {
      description: 'Host name at which the practice reaches its app, in lower case.',
      allowedPattern: '^[a-z0-9-]+(\\.[a-z0-9-]+)+$',
    });
    const hostedZoneId = this.parameter('HostedZoneId', {
      description: 'Route 53 hosted zone that the host name belongs to.',
      allowedPattern: '^Z[A-Z0-9]{1,31}$',
    });
    const s3PrefixListId = this.parameter('S3PrefixListId', {
      description:
        "The Region's managed prefix list com.amazonaws.<region>.s3; the default is the one of us-east-1.",
      default: 'pl-63a5400a',
      allowedPattern: '^pl-[0-9a-f]{8,17}$',
    });

    const endpointZones = this.parameter('EndpointZones', {
      description: 'Whether the endpoints of AWS stand in one availability zone or in all of the practice.',
      allowedValues: ['one', 'all'],
    });
    const alarmEmail = this.parameter('AlarmEmail', {
      description: 'Address that is told about alarms; empty: nobody is subscribed.',
      default: '',
      allowedPattern: '^$|^[^@\\s]+@[^@\\s]+$',
    });
    const { practiceId } = this;

    const network = new Network(this, 'Network');
    const key = new PracticeKey(this, 'Key', { practiceId, vpcId: network.vpcId });
    const firewall = new Firewall(this, 'Firewall', { vpcId: network.vpcId, s3PrefixListId });
    const networkRecord = new NetworkRecord(this, 'NetworkRecord', { practiceId, vpcId: network.vpcId, key });
    const appLogs = new EncryptedLogGroup(this, 'AppLogGroup', {
      name: `/lumenality/${practiceId}/app`,
      key,
      // 45 CFR 164.316(b)(2)(i): six years; the app's audit trail is written here too.
      retentionDays: 2192,
    });
    const log = new LogBucket(this, 'LogBucket');
    const bucket = new PracticeBucket(this, 'Bucket', { keyArn: key.arn, log });
    const mayLog = log.admit(bucket.arn);
    const endpoints = new Endpoints(this, 'Endpoints', {
      vpcId: network.vpcId,
      subnetIds: network.app.subnetIds,
      zones: endpointZones,
      routeTableId: network.app.routeTableId,
      securityGroupId: firewall.endpointsId,
      keyArn: key.arn,
      logGroupArn: appLogs.arn,
      bucketArn: bucket.arn,
    });
    const alarms = new AlarmTopic(this, 'AlarmTopic', { practiceId, keyArn: key.arn, email: alarmEmail });
    const webFirewall = new WebFirewall(this, 'WebFirewall', { practiceId, key });
    const entrance = new Entrance(this, 'Entrance', {
      hostName,
      hostedZoneId,
      subnetIds: network.public.subnetIds,
      securityGroupId: firewall.loadBalancerId,
      log,
      webAclArn: webFirewall.arn,
      after: [network.internet, mayLog, networkRecord, bucket, endpoints, alarms.policy, webFirewall],
    });

    this.output('KeyArn', key.arn, "The practice's KMS key");
    this.output('VpcId', network.vpcId, "The practice's VPC");
    this.output('AppSubnetIds', Fn.join(',', network.app.subnetIds), 'Subnets of the app, comma-separated');
    this.output(
      'DatabaseSubnetIds',
      Fn.join(',', network.database.subnetIds),
      'Subnets of the database, comma-separated',
    );
    this.output('LoadBalancerArn', entrance.loadBalancerArn, "The practice's load balancer");
    this.output('LoadBalancerDnsName', entrance.dnsName, "The load balancer's own name");
    this.output('HttpsListenerArn', entrance.httpsListenerArn, 'Where the service stack adds its rule');
    this.output('CertificateArn', entrance.certificateArn, 'Certificate of the address');
    this.output('WebAclArn', webFirewall.arn, 'What filters requests before the app');
    this.output('AppSecurityGroupId', firewall.appId, 'Security group of the app');
    this.output('DatabaseSecurityGroupId', firewall.databaseId, 'Security group of the database');
    this.output('AppLogGroupName', appLogs.name, "Log group of the practice's app");
    this.output('BucketName', bucket.name, "Bucket of the practice's documents");
    this.output('AlarmTopicArn', alarms.arn, "Topic of the practice's alarms");
    this.output('Url', `https://${hostName}`, 'Where the practice reaches its app');
  }
}
