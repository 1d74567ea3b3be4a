import { type Check, check, listed, safeguards } from './silo-check.ts';

/** "Security policies for your Application Load Balancer": TLS 1.3, at most with 1.2 beside it, never older. */
const tlsPolicy = /^ELBSecurityPolicy-TLS13-1-[23]-/;

/** Security Hub's ELB.12 takes both. */
const saferMitigations = ['defensive', 'strictest'];

export const entranceChecks: readonly Check[] = [
  check({
    id: 'entrance-tls',
    title: 'The load balancer takes the app’s requests over TLS 1.2 or 1.3, with a certificate',
    safeguards: safeguards.inTransit,
    source: 'elasticloadbalancing:DescribeListeners',
    fact: 'listener',
    expected: ({ loadBalancerArn }) => `HTTPS with a certificate and a TLS 1.3 policy on ${loadBalancerArn}`,
    observed: (listener) =>
      `${listener.protocol} with ${listener.certificates} certificate(s) and policy ${listener.tlsPolicy ?? 'none'} on ${listener.loadBalancerArn}`,
    passes: (listener, { loadBalancerArn }) =>
      listener.protocol === 'HTTPS' &&
      listener.certificates > 0 &&
      tlsPolicy.test(listener.tlsPolicy ?? '') &&
      listener.loadBalancerArn === loadBalancerArn,
  }),
  check({
    id: 'entrance-plain-redirected',
    title: 'What comes to the load balancer without TLS is sent to HTTPS and reaches nothing',
    safeguards: safeguards.inTransit,
    source: 'elasticloadbalancing:DescribeListeners, elasticloadbalancing:DescribeRules',
    fact: 'loadBalancer',
    expected: () => 'redirected to HTTPS',
    observed: ({ plainAnswers }) =>
      plainAnswers.length === 0 ? 'redirected to HTTPS' : listed(plainAnswers),
  }),
  check({
    id: 'entrance-deletion-protected',
    title: 'The load balancer is protected against deletion',
    safeguards: safeguards.operation,
    source: 'elasticloadbalancing:DescribeLoadBalancerAttributes',
    fact: 'loadBalancer',
    expected: () => 'deletion protection on',
    observed: ({ deletionProtection }) => `deletion protection ${deletionProtection ? 'on' : 'off'}`,
  }),
  check({
    id: 'entrance-access-logged',
    title: 'Every request to the load balancer leaves a line in a log',
    safeguards: safeguards.audit,
    source: 'elasticloadbalancing:DescribeLoadBalancerAttributes',
    fact: 'loadBalancer',
    expected: () => 'access logs to a bucket',
    observed: ({ accessLogBucket }) =>
      accessLogBucket === null ? 'no access logs' : `to ${accessLogBucket}`,
    passes: ({ accessLogBucket }) => accessLogBucket !== null,
  }),
  check({
    id: 'entrance-headers-checked',
    title: 'The load balancer drops headers that are not valid HTTP, and lets no ambiguous request pass',
    safeguards: safeguards.boundary,
    source: 'elasticloadbalancing:DescribeLoadBalancerAttributes',
    fact: 'loadBalancer',
    expected: () => `invalid headers dropped, desync mitigation ${saferMitigations.join(' or ')}`,
    observed: ({ dropsInvalidHeaders, desyncMitigation }) =>
      `invalid headers ${dropsInvalidHeaders ? 'dropped' : 'passed on'}, desync mitigation ${desyncMitigation}`,
    passes: ({ dropsInvalidHeaders, desyncMitigation }) =>
      dropsInvalidHeaders && saferMitigations.includes(desyncMitigation),
  }),
  check({
    id: 'entrance-web-acl',
    title: 'The silo’s web application firewall stands in front of the load balancer, with rules',
    safeguards: safeguards.boundary,
    source: 'wafv2:GetWebACLForResource',
    fact: 'webAcl',
    expected: ({ webAclArn }) => `${webAclArn} with rules`,
    observed: (acl) => (acl === undefined ? 'no web ACL' : `${acl.arn} with ${listed(acl.rules)}`),
    passes: (acl, { webAclArn }) => acl !== undefined && acl.arn === webAclArn && acl.rules.length > 0,
  }),
  check({
    id: 'entrance-web-acl-logged',
    title: 'The web application firewall logs what it sees',
    safeguards: safeguards.audit,
    source: 'wafv2:GetLoggingConfiguration',
    fact: 'webAcl',
    expected: () => 'a log destination',
    observed: (acl) => listed(acl?.logDestinations ?? []),
    passes: (acl) => acl !== undefined && acl.logDestinations.length > 0,
  }),
];
