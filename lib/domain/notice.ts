import { z } from 'zod';
import { planNoticeKinds, planNoticeSchemas } from './plan/notices.ts';

const id = z.string().min(1).max(80);
const time = z.iso.datetime();
/** What somebody has to read to understand a failure; never what a practice entered. */
const reason = z.string().transform((text) => (text.length > 500 ? `${text.slice(0, 499)}…` : text));
const rollout = { rolloutId: id, releaseId: id } as const;

/**
 * What each kind of notice says, beside the practice's id. It leaves the control plane: ids, times and reasons, and nothing of a person.
 * Times are RFC 3339, UTC.
 */
const dataSchemas = {
  /** A practice's place in a rollout that has begun or will. */
  update_scheduled: z.strictObject({ ...rollout, startsAt: time, latestStartAt: time }),
  update_started: z.strictObject({ ...rollout, runId: id }),
  update_finished: z.strictObject({ ...rollout, runId: id }),
  /** `rolledBackTo` is the release that the practice went back to; null when it stays where the failure left it. */
  update_failed: z.strictObject({ ...rollout, runId: id, reason, rolledBackTo: id.nullable() }),
  /** What the practice or somebody for it had asked for yields to a security release's deadline. */
  security_override: z.strictObject({
    ...rollout,
    deadline: time,
    startsAt: time,
    yielded: z.array(z.enum(['pin', 'deferral', 'freeze'])).min(1),
  }),
  /** The release that a practice is pinned to was halted: it stays on it until then unless its pin is taken away. */
  pinned_release_halted: z.strictObject({ releaseId: id, reason, until: time }),
  ...planNoticeSchemas,
  /** Of the fleet, and so of no practice. */
  rollout_paused: z.strictObject({ ...rollout, reason }),
  /** Somebody tries an endpoint. */
  test: z.strictObject({ endpointId: id }),
} as const;

export type NoticeKind = keyof typeof dataSchemas;
export type NoticeData<Kind extends NoticeKind = NoticeKind> = z.infer<(typeof dataSchemas)[Kind]>;

export const noticeKinds = Object.keys(dataSchemas) as [NoticeKind, ...NoticeKind[]];

/** Kinds that a practice's own people can be told of. */
export const practiceNoticeKinds = [
  'update_scheduled',
  'update_started',
  'update_finished',
  'update_failed',
  'security_override',
  'pinned_release_halted',
  ...planNoticeKinds,
] as const satisfies readonly NoticeKind[];
export type PracticeNoticeKind = (typeof practiceNoticeKinds)[number];

/** Kinds that an endpoint can ask for. */
export const endpointNoticeKinds = [...practiceNoticeKinds, 'rollout_paused'] as const;
export type EndpointNoticeKind = (typeof endpointNoticeKinds)[number];

/** A notice as whoever has something to tell hands it in. */
export type NewNotice = {
  readonly [Kind in NoticeKind]: {
    readonly kind: Kind;
    /** Null for what concerns the fleet. */
    readonly practiceId: Kind extends PracticeNoticeKind ? string : string | null;
    /** The record that it is about, for example `{ type: 'rollout', id }`. */
    readonly subject: { readonly type: string; readonly id: string };
    readonly data: NoticeData<Kind>;
  };
}[NoticeKind];

/** @throws ZodError for data that its kind does not have: nothing leaves that nobody has thought of. */
export function checkNoticeData({ kind, data }: Pick<NewNotice, 'kind' | 'data'>): NoticeData {
  return dataSchemas[kind].parse(data);
}
