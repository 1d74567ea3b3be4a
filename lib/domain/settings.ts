/**
 * What a practice has set for itself, by the setting's name. Which settings there are, and within which bounds, is known to
 * the templates' side alone (tenant-template/settings.ts): the core keeps them and hands them on.
 */
export type PracticeSettings = Readonly<Record<string, string | number>>;

/** One setting that a practice of some shape may have, for people who read or change it. */
export interface SettingDescription {
  readonly name: string;
  readonly type: 'integer' | 'text';
  readonly description: string;
  /** What the plan's shape gives when the practice has set nothing. */
  readonly default: string | number;
  /** What is allowed, in words. */
  readonly bounds: string;
}
