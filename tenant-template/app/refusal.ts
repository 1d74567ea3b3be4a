/** What kind of refusal it is; web/answers.ts says which HTTP status that is. */
export type RefusalKind = 'invalid' | 'signed-out' | 'forbidden' | 'not-found' | 'conflict' | 'busy';

/** The request is refused. The message is for the person who asked: what is wrong, and what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly kind: RefusalKind;
  /** After how many seconds the same request may be tried again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(kind: RefusalKind, message: string, retryAfterSeconds?: number) {
    super(message);
    this.kind = kind;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
