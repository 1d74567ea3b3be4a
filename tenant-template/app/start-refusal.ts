/** Exit codes of sysexits.h, so that a stopped task says what kind of thing is wrong. */
export const EXIT = {
  /** A dependency did not answer within the time allowed: starting again may help. */
  unavailable: 69,
  /** The app or the database is not as this release expects: starting again does not help. */
  software: 70,
  /** The key, the secret or the database is missing, unusable or another practice's. */
  notOurs: 77,
  /** The environment is incomplete or ill-formed. */
  configuration: 78,
} as const;

/** The app must not start. The message says what is wrong and what to do, and holds no secret. */
export class StartRefusal extends Error {
  override readonly name = 'StartRefusal';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
