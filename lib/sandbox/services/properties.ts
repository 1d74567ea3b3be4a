/**
 * CloudFormation hands on a parameter's value as text, also where a property is a number or a boolean, and resource
 * types take tags as a list or as a map. These read a resolved property as the type that an API expects.
 */
import type { ResourceContext } from '../model.ts';

export function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function numberOf(value: unknown): number | undefined {
  return value === undefined || value === null ? undefined : Number(value);
}

export function flagOf(value: unknown): boolean | undefined {
  return value === undefined || value === null ? undefined : value === true || value === 'true';
}

export function listOf<T = string>(value: unknown): T[] {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]) as T[];
}

/** Stack tags, system tags and the resource's own `Tags`, the own ones last because they win. */
export function tagsOf(
  properties: Record<string, unknown>,
  context: ResourceContext,
): Record<string, string> {
  const own = listOf<{ Key: string; Value: unknown }>(properties['Tags']);
  return { ...context.stackTags, ...Object.fromEntries(own.map((tag) => [tag.Key, String(tag.Value)])) };
}

/** Recorded tags as a template writes them, for drift detection. */
export function tagsAsList(tags: Readonly<Record<string, string>>): Array<{ Key: string; Value: string }> {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** `tagsOf` as the list of `{Key, Value}` that most APIs take. */
export function tagListOf(
  properties: Record<string, unknown>,
  context: ResourceContext,
): Array<{ Key: string; Value: string }> {
  return tagsAsList(tagsOf(properties, context));
}
