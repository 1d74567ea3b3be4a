import type {
  Deployment as DeploymentRow,
  PracticeOverview,
  StoredEvidence,
} from '../lib/use-cases/read-practices.ts';
import type { AuditRow } from '../lib/use-cases/read-records.ts';
import type { RunEvent as RunEventRow, RunWithSteps } from '../lib/use-cases/read-runs.ts';
import type { SignUpRow } from '../lib/use-cases/read-sign-ups.ts';
import type { TokenRow } from '../lib/use-cases/tokens.ts';
import type { EvidenceRow, Practice } from './contracts/practices.ts';
import type { Run, RunEvent } from './contracts/runs.ts';
import type { SignUp } from './contracts/sign-ups.ts';
import type { Token } from './contracts/tokens.ts';

const time = (at: Date | null): string | null => at?.toISOString() ?? null;

/** A page of rows as a page of what the contract names. */
export function toPage<Row, Item>(
  page: { readonly items: readonly Row[]; readonly nextCursor: string | null },
  toItem: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  return { items: page.items.map(toItem), nextCursor: page.nextCursor };
}

export function toSignUp(row: SignUpRow): SignUp {
  const { decided_by: by, decided_at: at, decision_reason: reason } = row;
  return {
    id: row.id,
    state: row.state,
    legalName: row.legal_name,
    displayName: row.display_name,
    disciplines: row.disciplines,
    npi: row.npi,
    contact: row.contact,
    usState: row.us_state,
    timeZone: row.time_zone,
    clinicianCount: row.clinician_count,
    plan: row.plan_id,
    agreement: row.agreement,
    practiceId: row.practice_id,
    decision: by === null || at === null ? null : { by, at: at.toISOString(), reason: reason ?? '' },
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

export function toPractice(row: PracticeOverview, practiceUrl: (hostName: string) => string): Practice {
  return {
    id: row.id,
    displayName: row.display_name,
    disciplines: row.disciplines,
    usState: row.us_state,
    timeZone: row.time_zone,
    plan: { id: row.plan_id, version: row.plan_version },
    shape: row.shape,
    state: row.state,
    cell: row.cell_id,
    waitingFor: row.waitingFor,
    hostName: row.host_name,
    url: row.host_name === null ? null : practiceUrl(row.host_name),
    releaseId: row.release_id,
    observed: row.stacks.map((stack) => ({
      component: stack.component,
      stackName: stack.stack_name,
      status: stack.status,
      observedAt: stack.observed_at.toISOString(),
    })),
    health: { status: row.health, checkedAt: time(row.health_checked_at) },
    latestRunId: row.latestRunId,
    createdAt: row.created_at.toISOString(),
    activatedAt: time(row.activated_at),
  };
}

export function toRun(run: RunWithSteps): Run {
  return {
    id: run.id,
    workflow: run.workflow,
    practiceId: run.practiceId,
    state: run.state,
    waitingFor: run.waitingFor,
    steps: run.steps.map((step) => ({
      name: step.name,
      state: step.state,
      attempt: step.attempt,
      startedAt: time(step.startedAt),
      finishedAt: time(step.finishedAt),
    })),
    error: run.error,
    kept: [...run.kept],
    requestedBy: run.requestedBy,
    createdAt: run.createdAt.toISOString(),
    startedAt: time(run.startedAt),
    finishedAt: time(run.finishedAt),
  };
}

export function toRunEvent(row: RunEventRow): RunEvent {
  return { seq: row.seq, runId: row.runId, at: row.at.toISOString(), ...row.body };
}

export function toEvidence(row: StoredEvidence): EvidenceRow {
  const { practiceId: _, ...evidence } = row;
  return { ...evidence, safeguards: [...evidence.safeguards] };
}

export function toDeployment(row: DeploymentRow) {
  return {
    id: row.id,
    releaseId: row.releaseId,
    runId: row.runId,
    state: row.state,
    reason: row.reason,
    error: row.error,
    startedAt: row.startedAt.toISOString(),
    finishedAt: time(row.finishedAt),
  };
}

export function toAuditRow(row: AuditRow) {
  return {
    seq: row.seq,
    at: row.at.toISOString(),
    actor: { id: row.actor_id, name: row.actor_name },
    action: row.action,
    subject: { type: row.subject_type, id: row.subject_id },
    requestId: row.request_id,
    details: row.details,
  };
}

export function toToken(row: TokenRow): Token {
  return {
    id: row.id,
    name: row.name,
    roles: row.roles,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    expiresAt: time(row.expires_at),
    revokedAt: time(row.revoked_at),
    lastUsedAt: time(row.last_used_at),
  };
}
