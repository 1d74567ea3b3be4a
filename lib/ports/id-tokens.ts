/** An ID token (OpenID Connect Core 1.0, section 2) whose signature, issuer, audience and times were found right. */
export interface IdToken {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly expiresAt: Date;
  /** The same for the same token, whatever form it is sent in: SHA-256 in hexadecimal. */
  readonly fingerprint: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface IdTokens {
  /**
   * @throws DomainError `unauthenticated` saying what is wrong with the token; `unavailable` when its issuer cannot be asked for keys.
   */
  verify(token: string, now: Date): Promise<IdToken>;
}
