import { DomainError } from '../domain/errors.ts';

/** For a thing that AWS answers about without an error and without the thing. */
export function missing(service: string, kind: string, id: string): never {
  throw new DomainError('cloud_failure', `AWS ${service} shows no ${kind} ${id}.`, {
    context: { service, id, missing: true },
  });
}
