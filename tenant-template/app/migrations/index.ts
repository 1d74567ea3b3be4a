import { siloIdentity } from './0001-silo-identity.ts';
import { auditEvent } from './0002-audit-event.ts';
import { staff } from './0003-staff.ts';
import { records } from './0004-records.ts';
import { appRole } from './0005-app-role.ts';
import { ownerLink } from './0006-owner-link.ts';
import { signInCodes } from './0007-sign-in-codes.ts';

export interface Migration {
  /** 1, 2, 3 … without a gap. */
  readonly number: number;
  readonly name: string;
  /** Never changed once a release carried it: its checksum is kept in each database. */
  readonly sql: string;
}

/** Forward only. Modules and not files, because the image is one bundle. */
export const migrations: readonly Migration[] = [
  siloIdentity,
  auditEvent,
  staff,
  records,
  appRole,
  ownerLink,
  signInCodes,
];
