import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { commandError } from './command-error.ts';
import type { World } from './output.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** The JSON object that a file holds, or standard input for `-`. Nothing in it is judged: the control plane does that. */
export async function readJsonObject(file: string, { stdin }: World): Promise<JsonObject> {
  let content: string;
  try {
    content = file === '-' ? await readAll(stdin) : readFileSync(file, 'utf8');
  } catch (cause) {
    throw commandError('usage', `${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  try {
    const value: unknown = JSON.parse(content);
    if (isObject(value)) return value;
  } catch (cause) {
    throw commandError('usage', `${file} is no JSON: ${(cause as Error).message}.`, { cause });
  }
  throw commandError('usage', `${file} must hold one JSON object.`);
}

/** An object with values put over its own, within objects one by one; undefined leaves what is there. */
export function overlaid(base: JsonObject, values: JsonObject): JsonObject {
  const result = { ...base };
  for (const [name, value] of Object.entries(values)) {
    if (!isObject(value)) {
      if (value !== undefined) result[name] = value;
    } else if (Object.values(value).some((each) => each !== undefined)) {
      const present = base[name];
      result[name] = overlaid(isObject(present) ? present : {}, value);
    }
  }
  return result;
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
