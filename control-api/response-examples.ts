import type { Cell, CellSetUp } from './contracts/cells.ts';
import type { Override, Settings } from './contracts/changes.ts';
import type { Cost } from './contracts/cost.ts';
import type { Drift, DriftRecordRow } from './contracts/drift.ts';
import type { Offboarding } from './contracts/life-cycle.ts';
import type { Orphans } from './contracts/orphans.ts';
import type { OwnerInvitation } from './contracts/owner-invitation.ts';
import type { EvidenceRow, Practice } from './contracts/practices.ts';
import type { Run, RunEvent } from './contracts/runs.ts';
import type { SignUp } from './contracts/sign-ups.ts';
import type { Token } from './contracts/tokens.ts';
import { fleetExamples } from './fleet-examples.ts';
import { ledgerExamples } from './ledger-examples.ts';
import { noticeExamples } from './notice-examples.ts';
import { planExamples } from './plan-examples.ts';
import { planReportExamples } from './plan-report-examples.ts';
import { releaseExamples } from './release-examples.ts';
import { rolloutExamples } from './rollout-examples.ts';
import { signUpExample } from './routes/examples.ts';
import { scheduleExamples } from './schedule-examples.ts';
import { subscriptionChangeExamples } from './subscription-change-examples.ts';
import { subscriptionExamples } from './subscription-examples.ts';

const practiceId = 'sunrise-aba';
const releaseId = 'r-0123456789ab';
const runId = '3f0a5c52-8a0e-4e39-9f6e-0d6a5c1c7b21';
const rolloutId = '0b9c8d7e-6f5a-4b3c-8d2e-1f0a9b8c7d6e';
const signUpId = '8f14e45f-ceea-467f-a8b1-6f2d3c4b5a69';
const [reason, by] = ['NPI and licence checked', 'night shift'];
const [signedUpAt, approvedAt, activeAt] = [
  '2026-11-20T15:04:05.000Z',
  '2026-11-20T16:00:00.000Z',
  '2026-11-20T16:21:40.000Z',
];

const signUp: SignUp = {
  id: signUpId,
  state: 'approved',
  ...signUpExample,
  disciplines: [...signUpExample.disciplines],
  practiceId,
  decision: { by, at: approvedAt, reason },
  createdAt: signedUpAt,
  updatedAt: approvedAt,
};

const ownerInvitation: OwnerInvitation = {
  practiceId,
  email: signUpExample.contact.email,
  state: 'open',
  expiresAt: '2026-12-04T16:00:00.000Z',
  createdBy: by,
  createdAt: approvedAt,
  revokedAt: null,
};

const practice: Practice = {
  id: practiceId,
  displayName: signUpExample.displayName,
  disciplines: [...signUpExample.disciplines],
  usState: signUpExample.usState,
  timeZone: signUpExample.timeZone,
  plan: { id: signUpExample.plan, version: 1 },
  shape: 'solo',
  state: 'active',
  cell: 'main',
  waitingFor: null,
  hostName: `${practiceId}.practices.example`,
  url: `https://${practiceId}.practices.example`,
  releaseId,
  observed: [
    {
      component: 'foundation',
      stackName: `lumenality-${practiceId}-foundation`,
      status: 'CREATE_COMPLETE',
      observedAt: activeAt,
    },
  ],
  health: { status: 'healthy', checkedAt: activeAt },
  latestRunId: runId,
  createdAt: approvedAt,
  activatedAt: activeAt,
};

const run: Run = {
  id: runId,
  workflow: 'provision-practice',
  practiceId,
  state: 'succeeded',
  waitingFor: null,
  steps: [
    { name: 'prepare', state: 'succeeded', attempt: 1, startedAt: approvedAt, finishedAt: approvedAt },
    { name: 'activate', state: 'succeeded', attempt: 1, startedAt: activeAt, finishedAt: activeAt },
  ],
  error: null,
  kept: [],
  requestedBy: by,
  createdAt: approvedAt,
  startedAt: approvedAt,
  finishedAt: activeAt,
};

const event: RunEvent = { seq: 1, runId, at: approvedAt, kind: 'run', state: 'queued' };

const evidence: EvidenceRow = {
  id: 1,
  runId,
  check: 'key-rotation-enabled',
  title: "The practice's key is rotated every year",
  safeguards: ['45 CFR 164.312(a)(2)(iv)'],
  expected: 'rotation is on',
  observed: 'rotation is on',
  passed: true,
  source: 'kms:GetKeyRotationStatus',
  observedAt: activeAt,
};

const settings: Settings = {
  practiceId,
  shape: 'solo',
  settings: [
    {
      name: 'sessionTimeoutMinutes',
      type: 'integer',
      value: 20,
      isSet: true,
      default: 15,
      bounds: '5 to 30',
      description: 'How long a session may be idle',
    },
  ],
};

const override: Override = {
  id: '0b7c2b0e-5d0f-4f0a-8a61-2f6d1a9b3c4e',
  practiceId,
  component: 'data',
  logicalId: 'Database',
  resourceType: 'AWS::RDS::DBInstance',
  effect: 'replace',
  state: 'usable',
  reason: 'The engine cannot be upgraded in place',
  createdBy: 'security on duty',
  createdAt: activeAt,
  expiresAt: '2026-11-20T17:21:40.000Z',
  usedByRun: null,
  usedAt: null,
  guardRestoredAt: null,
  revokedBy: null,
  revokedAt: null,
};

const found = { differences: [], accepted: [], problems: [] };
const drift: Drift = {
  practiceId,
  state: 'in_sync',
  releaseId,
  checkedAt: '2026-11-20T17:21:40.000Z',
  since: '2026-11-20T17:21:40.000Z',
  nextCheckAt: '2026-11-20T18:21:40.000Z',
  requestedAt: null,
  ...found,
};
const driftRecord: DriftRecordRow = {
  id: 1,
  releaseId,
  state: 'in_sync',
  observedAt: '2026-11-20T17:21:40.000Z',
  ...found,
};

const cost: Cost = {
  shape: 'solo',
  releaseId,
  region: 'us-east-1',
  currency: 'USD',
  pricesAsOf: '2026-11-01',
  usage: { clinicians: 5, requests: 100_000 },
  lines: [
    {
      component: 'foundation',
      logicalId: 'Key',
      resourceType: 'AWS::KMS::Key',
      item: 'Key',
      basis: 'fixed',
      quantity: 1,
      unit: 'month',
      unitPriceNanoUsd: 1_000_000_000,
      monthlyNanoUsd: 1_000_000_000,
    },
  ],
  fixedNanoUsd: 1_000_000_000,
  usageNanoUsd: 0,
  monthlyNanoUsd: 1_000_000_000,
  withoutCharge: [{ resourceType: 'AWS::IAM::Role', count: 3, reason: 'IAM has no charge.' }],
};

const token: Token = {
  id: '0123456789abcdef',
  name: by,
  roles: ['viewer', 'operator'],
  createdBy: 'administrator',
  createdAt: signedUpAt,
  expiresAt: '2026-12-20T15:04:05.000Z',
  revokedAt: null,
  lastUsedAt: null,
};

const cell: Cell = {
  id: 'west',
  accountId: '222222222222',
  region: 'us-west-2',
  roleArn: 'arn:aws:iam::222222222222:role/lumenality-cell/control-plane',
  domain: 'west.practices.example',
  hostedZoneId: 'Z0123456789ABC',
  imageRegistry: '111122223333.dkr.ecr.us-east-1.amazonaws.com',
  s3PrefixListId: 'pl-68a54001',
  backupCopyRegion: 'us-east-2',
  alarmEmail: null,
  state: 'pending',
  practices: 0,
  quotas: [{ quota: 'vpcs', limit: 100, used: 0, free: 100, dailyGrowth: 0, daysUntilFull: null }],
  daysUntilFull: null,
  firstFull: null,
  createdBy: 'security on duty',
  createdAt: approvedAt,
  updatedAt: approvedAt,
};

const setUp: CellSetUp = {
  cellId: 'west',
  roleArn: 'arn:aws:iam::222222222222:role/lumenality-cell/control-plane',
  externalId: 'an-example-of-an-external-id-no-cell',
  principalArn: 'arn:aws:iam::111122223333:role/control-plane',
  commands: ['npm run cell:build -- --out build/cell'],
};

const offboarding: Offboarding = {
  practiceId,
  stage: 'grace',
  cameFrom: 'active',
  reason: 'The practice has closed',
  requestedBy: 'security on duty',
  requestedAt: '2027-03-01T09:00:00.000Z',
  graceDays: 30,
  retentionDays: 2_557,
  exception: null,
  runId: null,
  canBeTakenBack: true,
  stages: [
    {
      stage: 'grace',
      state: 'current',
      beginsAt: '2027-03-01T09:02:00.000Z',
      canBeTakenBackUntil: '2027-03-31T09:02:00.000Z',
    },
    {
      stage: 'deprovisioning',
      state: 'planned',
      beginsAt: '2027-03-31T09:02:00.000Z',
      canBeTakenBackUntil: null,
    },
  ],
  finalSnapshot: null,
  keyArn: null,
  kept: [],
  cancelledAt: null,
  cancelledBy: null,
  cancelReason: null,
};

const orphans: Orphans = {
  checkedAt: activeAt,
  cells: [{ id: 'main', resources: 184, problem: null }],
  findings: [
    {
      verdict: 'orphan',
      cellId: 'main',
      arn: 'arn:aws:ec2:us-east-1:111122223333:elastic-ip/eipalloc-0123456789abcdef0',
      kind: 'ec2:elastic-ip',
      name: 'eipalloc-0123456789abcdef0',
      practiceId: 'old-town-speech',
      reason: 'Practice old-town-speech is deprovisioned.',
      nextAction:
        "See what its practice's run left and why (lumenality run list --practice old-town-speech); delete the resource when nobody needs it.",
      createdAt: null,
      monthlyNanoUsd: 3_650_000_000,
    },
  ],
};

/** An answer for each named schema, for the API's documentation: of a fictional practice, by the schema's name. */
export const responseExamples: Readonly<Record<string, unknown>> = {
  AccessChange: { practiceId, state: 'active', runId },
  AddedCell: { cell, setUp },
  Approval: { signUp, practiceId, runId, cellId: 'main', waitingFor: null, ownerInvitation },
  AuditRow: {
    seq: 7,
    at: approvedAt,
    actor: { id: token.id, name: by },
    action: 'sign_up.approved',
    subject: { type: 'sign_up', id: signUpId },
    requestId: 'req-1',
    details: { reason, practiceId },
  },
  Cell: cell,
  CellSetUp: setUp,
  ChangedOwnerInvitation: { ...ownerInvitation, runId },
  ChangedSettings: { ...settings, runId },
  ChangeOverride: override,
  Cost: cost,
  CreatedToken: { ...token, token: 'lum_<id>_<secret>' },
  Deployment: {
    id: '5c1f4b7a-6d2e-4c8b-9a3f-7e0d1b2c3d4e',
    releaseId,
    runId,
    state: 'succeeded',
    reason: null,
    error: null,
    startedAt: approvedAt,
    finishedAt: activeAt,
  },
  Drift: drift,
  DriftCheck: { practiceId, requestedAt: activeAt },
  DriftRecord: driftRecord,
  Evidence: evidence,
  Health: { status: 'ok', version: '1.0.0' },
  Me: { id: token.id, name: token.name, roles: token.roles },
  Offboarding: offboarding,
  Orphans: orphans,
  OwnerInvitation: ownerInvitation,
  Practice: practice,
  PracticeCost: { ...cost, practiceId },
  ControlledRollout: {
    id: rolloutId,
    releaseId,
    state: 'paused',
    pausedBecause: `paused by ${by}: the help desk is short of people`,
  },
  ControlledTarget: {
    rolloutId,
    practiceId,
    wave: 1,
    state: 'pending',
    startsAt: '2026-11-22T08:00:00.000Z',
    latestStartAt: '2026-11-22T11:30:00.000Z',
    note: `tried again by ${by}: its quota was raised`,
  },
  Readiness: { status: 'ready', parts: [{ part: 'database', ready: true }], warnings: [] },
  ...rolloutExamples,
  ...releaseExamples,
  ...scheduleExamples,
  ...subscriptionExamples,
  ...subscriptionChangeExamples,
  ...fleetExamples,
  ...noticeExamples,
  ...ledgerExamples,
  ...planExamples,
  ...planReportExamples,
  Run: run,
  RunEvent: event,
  Settings: settings,
  SignUp: signUp,
  SignUpReceipt: {
    id: signUpId,
    state: 'requested',
    displayName: signUpExample.displayName,
    createdAt: signedUpAt,
  },
  Token: token,
};
