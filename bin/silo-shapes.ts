import type { z } from 'zod';
import { DomainError, type FieldError } from '../lib/domain/errors.ts';
import type { PracticeSettings } from '../lib/domain/settings.ts';
import type { Shapes } from '../lib/ports/shapes.ts';
import { settingDescriptions, settingsSchemaFor } from '../tenant-template/settings.ts';
import { parametersForShape } from '../tenant-template/shapes.ts';

/** The shapes and settings of tenant-template, as the core asks for them. */
export const siloShapes: Shapes = {
  parametersForShape: (shape, settings = {}) => {
    const checked = settingsSchemaFor(shape).safeParse(settings);
    if (checked.success) return parametersForShape(shape, checked.data);
    // They were checked when they were set; another plan, or a release of the control plane, has drawn the bounds anew.
    const complaints = fieldErrorsOf(checked.error).map(({ message }) => message);
    throw new DomainError(
      'configuration',
      `The practice's settings do not fit the shape ${shape} any more: ${complaints.join(' ')}`,
      { context: { nextAction: 'Set them within the bounds (lumenality practice set), then retry.' } },
    );
  },
  describeSettings: settingDescriptions,
  parseSettings: (shape, input) => {
    const checked = settingsSchemaFor(shape).safeParse(input);
    if (checked.success) {
      const set = Object.entries(checked.data).filter(([, value]) => value !== undefined);
      return Object.fromEntries(set) as PracticeSettings;
    }
    throw new DomainError('invalid_input', 'Correct the settings listed in errors.', {
      fields: fieldErrorsOf(checked.error),
    });
  },
};

function fieldErrorsOf({ issues }: z.ZodError): FieldError[] {
  return issues.flatMap((issue): FieldError[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          pointer: pointerTo([key]),
          message: 'is not a setting that a practice may change',
        }))
      : [{ pointer: pointerTo(issue.path.map(String)), message: issue.message }],
  );
}

/** RFC 6901, section 3; each part cut, because a name may be the caller's. */
function pointerTo(path: readonly string[]): string {
  const parts = path.map((part) => part.slice(0, 60).replaceAll('~', '~0').replaceAll('/', '~1'));
  return ['/settings', ...parts].join('/');
}
