import { DomainError } from '../domain/errors.ts';
import { awsCodeOf } from './errors.ts';

/** For a thing that AWS answers about without an error and without the thing. */
export function missing(service: string, kind: string, id: string): never {
  throw new DomainError('cloud_failure', `AWS ${service} shows no ${kind} ${id}.`, {
    context: { service, id, missing: true },
  });
}

/** Undefined when AWS answers that there is none, by the error code that it has for just that thing. */
export async function unlessNone<T>(code: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (awsCodeOf(error) === code) return undefined;
    throw error;
  }
}
