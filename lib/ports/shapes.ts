import type { Shape } from '../domain/practice.ts';
import type { PracticeSettings, SettingDescription } from '../domain/settings.ts';

/** What the templates' side knows of a plan's shape; the core never imports it. */
export interface Shapes {
  /** CloudFormation parameters of a practice's stacks: its plan's shape with what the practice has set for itself. */
  parametersForShape(shape: Shape, settings?: PracticeSettings): Readonly<Record<string, string>>;
  describeSettings(shape: Shape): readonly SettingDescription[];
  /**
   * Checks settings against the bounds of a shape.
   * @throws DomainError `invalid_input` with a pointer `/settings/<name>` for each setting that is unknown or out of bounds.
   */
  parseSettings(shape: Shape, input: unknown): PracticeSettings;
}
