/** Signs the terms that practices enrol on, with the control plane's own key (Ed25519, RFC 8032). */
export interface TermsSigner {
  /** SHA-256 of the public key's SubjectPublicKeyInfo (RFC 5280) in hexadecimal. */
  readonly keyId: string;
  /** PEM. */
  readonly publicKey: string;
  sign(message: Buffer): Buffer;
}
