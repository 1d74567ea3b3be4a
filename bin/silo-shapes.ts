import { DomainError } from '../lib/domain/errors.ts';
import type { Shapes } from '../lib/ports/shapes.ts';
import { settingDescriptions, settingsSchemaFor } from '../tenant-template/settings.ts';
import { parametersForShape } from '../tenant-template/shapes.ts';

/** The shapes and settings of tenant-template, as the core asks for them. */
export const siloShapes: Shapes = {
  parametersForShape: (shape, settings = {}) => parametersForShape(shape, settings),
  describeSettings: settingDescriptions,
  parseSettings: (shape, input) => {
    const checked = settingsSchemaFor(shape).safeParse(input);
    if (checked.success) {
      const set = Object.entries(checked.data).filter(([, value]) => value !== undefined);
      return Object.fromEntries(set) as Readonly<Record<string, string | number>>;
    }
    const fields = checked.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ path: [key], message: 'is not a setting that a practice may change' }))
        : [{ path: issue.path.map(String), message: issue.message }],
    );
    throw new DomainError('invalid_input', 'Correct the settings listed in errors.', {
      fields: fields.map(({ path, message }) => ({
        // RFC 6901, section 3; cut, because a name may be the caller's.
        pointer: [
          '/settings',
          ...path.map((part) => part.slice(0, 60).replaceAll('~', '~0').replaceAll('/', '~1')),
        ].join('/'),
        message,
      })),
    });
  },
};
