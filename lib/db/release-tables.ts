import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { Component, ReleaseManifest } from '../domain/release.ts';
import type {
  DsseEnvelope,
  RecordedReleaseState,
  ReleaseKind,
  Severity,
} from '../domain/release-publication.ts';
import type { RunError } from '../domain/run.ts';
import type { Json, NullableJson, NullableText, NullableTime, Time } from './column-types.ts';

export interface ReleaseTable {
  id: string;
  content_hash: string;
  manifest: Json<ReleaseManifest>;
  templates: Json<Record<Component, string>>;
  /** The text of the compliance report; null of releases from before it was kept. */
  compliance: NullableText;
  published_by: string;
  published_at: Time;
  /** The order of publication, from 1; not without gaps. */
  ordinal: GeneratedAlways<number>;
  kind: ReleaseKind;
  /** Of a security release, as its deadline; null of any other. */
  severity: ColumnType<Severity | null, Severity | null | undefined, Severity | null>;
  deadline: NullableTime;
  notes: string;
  changelog_url: NullableText;
  /** Null where the control plane published a release of its own. */
  signature: NullableJson<DsseEnvelope>;
  state: Generated<RecordedReleaseState>;
  halted_by: NullableText;
  halted_at: NullableTime;
  halted_reason: NullableText;
  revision: Generated<number>;
}

/** One release applied to one practice. */
export interface DeploymentTable {
  id: string;
  practice_id: string;
  release_id: string;
  run_id: string;
  state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  /** Why somebody asked for it; null for the first one, which the approval asks for. */
  reason: string | null;
  /** Why it failed; null in any other state. */
  error: NullableJson<RunError>;
  started_at: Time;
  finished_at: NullableTime;
}

/** One change that the review would refuse, allowed once by a security administrator. */
export interface ChangeOverrideTable {
  id: string;
  practice_id: string;
  component: Component;
  logical_id: string;
  resource_type: string;
  effect: 'replace' | 'remove';
  reason: string;
  created_by: string;
  created_at: Time;
  expires_at: Time;
  revoked_by: string | null;
  revoked_at: NullableTime;
  used_by_run: string | null;
  used_at: NullableTime;
  /** When the stack policy was whole again after the use; null while it may still be relaxed. */
  guard_restored_at: NullableTime;
}
