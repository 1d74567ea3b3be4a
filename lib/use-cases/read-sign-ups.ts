import type { Page, PageRequest } from '../db/page.ts';
import { findSignUp, listSignUps as listRows, type SignUpRow } from '../db/sign-up-store.ts';
import type { SignUpState } from '../domain/sign-up.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';

export type { SignUpRow };

/** @throws DomainError `not_found` */
export async function readSignUp(core: Core, id: string): Promise<SignUpRow> {
  const row = await findSignUp(core.db, id);
  if (row === undefined) throw notFound('sign-up');
  return row;
}

/** Newest first. @throws DomainError `invalid_input` for a cursor that is not one. */
export function listSignUps(
  core: Core,
  page: PageRequest & { readonly state?: SignUpState | undefined },
): Promise<Page<SignUpRow>> {
  return listRows(core.db, page);
}
