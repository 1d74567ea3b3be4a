/** A webhook as it is to be sent. */
export interface WebhookMessage {
  readonly url: string;
  /** The same at every try, so that a receiver knows what it has already. */
  readonly id: string;
  readonly body: string;
  /** `whsec_…`; the message is signed with each of them. */
  readonly secrets: readonly string[];
}

/** Webhooks by the rules of Standard Webhooks (standardwebhooks.com). */
export interface Webhooks {
  /** Why nothing can be sent to an address; undefined when it can. What its name resolves to is looked at with each message. */
  objectionTo(url: string): string | undefined;
  /** A new secret to sign with. */
  newSecret(): string;
  /**
   * Returns once the receiver has answered with a 2xx status.
   * @throws DomainError `unavailable`, retryable unless the receiver said that it is gone for good.
   */
  post(message: WebhookMessage, signal?: AbortSignal): Promise<void>;
}

/** A mail in plain text. */
export interface Mail {
  /** The same at every try: it makes the Message-ID. Letters, digits and hyphens. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface Mailer {
  /** The address that answers go to. */
  readonly from: string;
  /**
   * Returns once the next server, or the disk, has taken the mail.
   * @throws DomainError `unavailable`, retryable unless the server refused the address for good; `invalid_input` for a header that is more than a line.
   */
  send(mail: Mail): Promise<void>;
}

/** Keeps secrets that have to be read again in a form that nobody without the key can read. */
export interface SecretBox {
  /** @param of what it is a secret of: it opens for nothing else */
  seal(secret: string, of: string): string;
  /** @throws DomainError `configuration` when it was sealed with another key, or for something else. */
  open(sealed: string, of: string): string;
}

/** How notices leave the control plane. */
export interface NoticePorts {
  readonly webhooks: Webhooks;
  readonly mailer: Mailer;
  readonly secrets: SecretBox;
}
