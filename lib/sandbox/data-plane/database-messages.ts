/** A role of the cluster, as far as signing in goes. */
export interface DatabaseRole {
  readonly canLogin: boolean;
  /** `CONNECT` on the instance's database. */
  readonly canConnect: boolean;
  /** `pg_authid.rolpassword`. */
  readonly password: string | null;
  readonly passwordExpired: boolean;
  /** A member of `rds_iam`. */
  readonly signsInByIam: boolean;
}

/** What the sandbox asks of a database process. One `template` or `create`, or one `start` and then the others. */
export type DatabaseRequest =
  | { readonly type: 'template'; readonly directory: string }
  | {
      readonly type: 'create';
      readonly template: string;
      readonly directory: string;
      readonly key: Uint8Array;
      readonly database: string;
      readonly username: string;
    }
  | {
      readonly type: 'start';
      readonly directory: string;
      readonly key: Uint8Array;
      readonly database: string;
      readonly username: string;
    }
  /** Whole front-end messages of the PostgreSQL protocol. */
  | { readonly type: 'execute'; readonly id: number; readonly messages: Uint8Array }
  /** Asked between two turns only: it leaves the engine's session to nobody. */
  | { readonly type: 'role'; readonly id: number; readonly name: string }
  /** Copies the storage between two statements, so that it is as after a crash: PostgreSQL recovers what was committed. */
  | { readonly type: 'copy'; readonly id: number; readonly from: string; readonly to: string }
  | { readonly type: 'stop' };

export type DatabaseReply =
  | { readonly type: 'done' }
  /** `greeting`: the parameters that PostgreSQL reports at the start of a session, as protocol messages. */
  | { readonly type: 'started'; readonly greeting: Uint8Array }
  | { readonly type: 'result'; readonly id: number; readonly data: Uint8Array }
  | { readonly type: 'role'; readonly id: number; readonly role: DatabaseRole | undefined }
  | { readonly type: 'copied'; readonly id: number }
  | { readonly type: 'failed'; readonly message: string };
