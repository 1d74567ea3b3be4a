import type { ComplianceReport, Release, ReleasePreview } from './contracts/releases.ts';

const release: Release = {
  id: 'r-0123456789ab',
  ordinal: 12,
  contentHash: `0123456789ab${'0'.repeat(52)}`,
  appVersion: '1.4.2',
  imageDigest: `sha256:${'0'.repeat(64)}`,
  migration: '0007-visit-notes',
  compliance: { sha256: `9f86d081884c7d65${'0'.repeat(48)}`, acknowledged: 1 },
  kind: 'security',
  severity: 'high',
  deadline: '2026-12-04T00:00:00.000Z',
  notes: 'Closes a session that a second sign-in left open.',
  changelogUrl: 'https://lumenality.example/changelog/1.4.2',
  state: 'published',
  halted: null,
  signedBy: ['5f1d3c7a9b2e4d60'.repeat(4)],
  publishedBy: 'release pipeline',
  publishedAt: '2026-11-20T15:04:05.000Z',
};

const preview: ReleasePreview = {
  releaseId: release.id,
  practiceId: 'sunrise-aba',
  from: 'r-ba9876543210',
  at: '2026-11-20T15:10:00.000Z',
  stacks: [
    {
      component: 'foundation',
      stackName: 'lumenality-sunrise-aba-foundation',
      state: 'unchanged',
      changes: [],
    },
    { component: 'data', stackName: 'lumenality-sunrise-aba-data', state: 'unchanged', changes: [] },
    {
      component: 'service',
      stackName: 'lumenality-sunrise-aba-service',
      state: 'changed',
      changes: [
        {
          action: 'Modify',
          logicalId: 'Service',
          physicalId: 'sunrise-aba',
          type: 'AWS::ECS::Service',
          effect: 'safe',
          verdict: 'allowed',
          reason: null,
        },
      ],
    },
  ],
};

const report: ComplianceReport = {
  formatVersion: 1,
  checks: [
    { name: 'cdk-nag HIPAA Security', findings: 0 },
    { name: 'CloudFormation Validate', findings: 0 },
    { name: 'AWS Security Hub', findings: 1 },
  ],
  counts: { findings: 1, acknowledged: 1, unexplained: 0 },
  acknowledged: [
    {
      source: 'AWS Security Hub',
      rule: 'SecurityHub.RDS.5',
      resource: 'data/Database',
      severity: 'error',
      reason: 'A solo practice restores from its backup; a standby is part of larger plans.',
    },
  ],
  unexplained: [],
};

/** Answers for the named schemas of this resource, as response-examples.ts has them. */
export const releaseExamples: Readonly<Record<string, unknown>> = {
  Release: release,
  ReleasePreview: preview,
  ComplianceReport: report,
};
