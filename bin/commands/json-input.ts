import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { commandError } from './command-error.ts';
import type { World } from './output.ts';

/** The JSON object that a file holds, or standard input for `-`. Nothing in it is judged: the control plane does that. */
export async function readJsonObject(file: string, { stdin }: World): Promise<Record<string, unknown>> {
  let content: string;
  try {
    content = file === '-' ? await readAll(stdin) : readFileSync(file, 'utf8');
  } catch (cause) {
    throw commandError('usage', `${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (cause) {
    throw commandError('usage', `${file} is no JSON: ${(cause as Error).message}.`, { cause });
  }
  throw commandError('usage', `${file} must hold one JSON object.`);
}
