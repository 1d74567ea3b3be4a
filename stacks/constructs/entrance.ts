import { CfnCertificate } from 'aws-cdk-lib/aws-certificatemanager';
import { CfnListener, CfnLoadBalancer } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { CfnRecordSet } from 'aws-cdk-lib/aws-route53';
import { CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { Construct, type IDependable } from 'constructs';
import type { LogBucket } from './practice-bucket.ts';

export interface EntranceProps {
  readonly hostName: string;
  readonly hostedZoneId: string;
  readonly subnetIds: string[];
  readonly securityGroupId: string;
  /** Where the load balancer writes who asked for what. */
  readonly log: LogBucket;
  readonly webAclArn: string;
  /**
   * Made before the load balancer: the way to the internet and the permission to log, which it needs, and everything
   * that may fail, because the roll-back of a creation cannot remove a protected load balancer.
   */
  readonly after: readonly IDependable[];
}

/** "Security policies for your Application Load Balancer": TLS 1.3, and 1.2 with forward secrecy and AEAD ciphers only. */
const tlsPolicy = 'ELBSecurityPolicy-TLS13-1-2-Res-2021-06';

/**
 * The practice's address: HTTPS on its own certificate and load balancer. What the service stack does not route is
 * answered here with 404, so a silo without its app is reachable and empty, never somebody else's.
 */
export class Entrance extends Construct {
  readonly loadBalancerArn: string;
  readonly dnsName: string;
  readonly httpsListenerArn: string;
  readonly certificateArn: string;

  constructor(scope: Construct, id: string, props: EntranceProps) {
    super(scope, id);
    const certificate = new CfnCertificate(this, 'Certificate', {
      domainName: props.hostName,
      validationMethod: 'DNS',
      domainValidationOptions: [{ domainName: props.hostName, hostedZoneId: props.hostedZoneId }],
    });
    const loadBalancer = new CfnLoadBalancer(this, 'LoadBalancer', {
      type: 'application',
      scheme: 'internet-facing',
      ipAddressType: 'ipv4',
      subnets: props.subnetIds,
      securityGroups: [props.securityGroupId],
      loadBalancerAttributes: [
        { key: 'deletion_protection.enabled', value: 'true' },
        { key: 'access_logs.s3.enabled', value: 'true' },
        { key: 'access_logs.s3.bucket', value: props.log.name },
        { key: 'access_logs.s3.prefix', value: props.log.loadBalancerPrefix },
        { key: 'routing.http.drop_invalid_header_fields.enabled', value: 'true' },
        { key: 'routing.http.desync_mitigation_mode', value: 'strictest' },
        { key: 'idle_timeout.timeout_seconds', value: '60' },
      ],
    });
    loadBalancer.node.addDependency(certificate, ...props.after);
    new CfnWebACLAssociation(this, 'WebFirewall', {
      resourceArn: loadBalancer.ref,
      webAclArn: props.webAclArn,
    });
    const https = new CfnListener(this, 'HttpsListener', {
      loadBalancerArn: loadBalancer.ref,
      port: 443,
      protocol: 'HTTPS',
      sslPolicy: tlsPolicy,
      certificates: [{ certificateArn: certificate.ref }],
      defaultActions: [
        {
          type: 'fixed-response',
          fixedResponseConfig: { statusCode: '404', contentType: 'text/plain', messageBody: 'Not found' },
        },
      ],
    });
    new CfnListener(this, 'HttpListener', {
      loadBalancerArn: loadBalancer.ref,
      port: 80,
      protocol: 'HTTP',
      defaultActions: [
        { type: 'redirect', redirectConfig: { protocol: 'HTTPS', port: '443', statusCode: 'HTTP_301' } },
      ],
    });
    new CfnRecordSet(this, 'Address', {
      name: props.hostName,
      type: 'A',
      hostedZoneId: props.hostedZoneId,
      aliasTarget: {
        dnsName: loadBalancer.attrDnsName,
        hostedZoneId: loadBalancer.attrCanonicalHostedZoneId,
        evaluateTargetHealth: false,
      },
    });
    this.loadBalancerArn = loadBalancer.ref;
    this.dnsName = loadBalancer.attrDnsName;
    this.httpsListenerArn = https.ref;
    this.certificateArn = certificate.ref;
  }
}
