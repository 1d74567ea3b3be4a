import { z } from 'zod';
import { parameterOfSetting, type SettingName, type Settings, settingsSchemaFor } from './settings.ts';
import { type ShapeParameters, shapeNamed } from './shape-table.ts';

export type { ShapeParameters } from './shape-table.ts';

/**
 * The stack parameters of a practice: its plan's shape, with what the practice set for itself.
 * @throws Error for a shape that is not known, and for a setting outside its bounds, with what is allowed.
 */
export function parametersForShape(shape: string, settings: Settings = {}): ShapeParameters {
  const checked = settingsSchemaFor(shape).safeParse(settings);
  if (!checked.success)
    throw new Error(`These settings do not fit the shape "${shape}":\n${z.prettifyError(checked.error)}`);
  const chosen = Object.entries(checked.data).flatMap(([name, value]) =>
    value === undefined ? [] : [[parameterOfSetting[name as SettingName], String(value)]],
  );
  return { ...shapeNamed(shape), ...(Object.fromEntries(chosen) as Partial<ShapeParameters>) };
}
