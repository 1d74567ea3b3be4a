import type { Selectable } from 'kysely';
import type { Connection, Trx } from './database.ts';
import type { OwnerInvitationTable } from './practice-tables.ts';

/** An invitation as it is kept: the SHA-256 of the link's token, never the token. */
export interface OwnerInvitation {
  readonly practiceId: string;
  readonly email: string;
  readonly tokenSha256: string;
  readonly expiresAt: Date;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

/** Invites, in place of whoever was invited before. */
export async function putOwnerInvitation(
  trx: Trx,
  invitation: Omit<OwnerInvitation, 'revokedAt'>,
): Promise<OwnerInvitation> {
  const values = {
    email: invitation.email,
    token_sha256: invitation.tokenSha256,
    expires_at: invitation.expiresAt,
    created_by: invitation.createdBy,
    created_at: invitation.createdAt,
    revoked_by: null,
    revoked_at: null,
  };
  const row = await trx
    .insertInto('owner_invitation')
    .values({ practice_id: invitation.practiceId, ...values })
    .onConflict((conflict) => conflict.column('practice_id').doUpdateSet(values))
    .returningAll()
    .executeTakeFirstOrThrow();
  return toInvitation(row);
}

export async function findOwnerInvitation(
  db: Connection,
  practiceId: string,
): Promise<OwnerInvitation | undefined> {
  const row = await db
    .selectFrom('owner_invitation')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .executeTakeFirst();
  return row === undefined ? undefined : toInvitation(row);
}

/** Whether some practice's invitation has this token already. */
export async function isInvitationToken(db: Connection, tokenSha256: string): Promise<boolean> {
  const row = await db
    .selectFrom('owner_invitation')
    .select('practice_id')
    .where('token_sha256', '=', tokenSha256)
    .executeTakeFirst();
  return row !== undefined;
}

export async function setOwnerInvitationRevoked(
  trx: Trx,
  practiceId: string,
  by: string,
  at: Date,
): Promise<void> {
  await trx
    .updateTable('owner_invitation')
    .set({ revoked_by: by, revoked_at: at })
    .where('practice_id', '=', practiceId)
    .execute();
}

function toInvitation(row: Selectable<OwnerInvitationTable>): OwnerInvitation {
  return {
    practiceId: row.practice_id,
    email: row.email,
    tokenSha256: row.token_sha256,
    expiresAt: row.expires_at,
    createdBy: row.created_by,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  };
}
