/** A release that cannot be built. The message says what is wrong and what to do; nothing was written. */
export class ReleaseError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ReleaseError';
  }
}
