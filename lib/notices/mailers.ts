import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport, type NodemailerError } from 'nodemailer';
import { DomainError } from '../domain/errors.ts';
import type { Mail, Mailer } from '../ports/notice-ports.ts';

/** For each wait on a mail server: to connect, for its greeting, for its next word. */
const patienceMs = 10_000;

/** Writes each mail as a file of Internet message format (RFC 5322) for somebody to look at; nobody else gets it. */
export function fileMailer(directory: string, from: string): Mailer {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  return {
    from: addressOf(from),
    send: async (mail) => {
      const { message } = await transport.sendMail(fieldsOf(mail, from));
      const file = join(directory, `${mail.id}.eml`);
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await writeFile(`${file}.new`, message, { mode: 0o600 });
        await rename(`${file}.new`, file);
      } catch (cause) {
        const { code = 'unwritable' } = cause as NodeJS.ErrnoException;
        throw new DomainError('unavailable', `The mail cannot be written to ${directory} (${code}).`, {
          cause,
          retryable: true,
        });
      }
    },
  };
}

/**
 * Hands mails to a server by SMTP. `smtps:` begins with TLS, `smtp:` goes over to it (STARTTLS) before anything is said; only to this
 * machine itself mails go in the clear.
 * @param address `smtp[s]://user:password@host:port`
 */
export function smtpMailer(address: URL, from: string): Mailer {
  const secure = address.protocol === 'smtps:';
  const here = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(address.hostname);
  const transport = createTransport({
    host: address.hostname.replace(/^\[|\]$/g, ''),
    port: Number(address.port || (secure ? 465 : 587)),
    secure,
    requireTLS: !secure && !here,
    ignoreTLS: !secure && here,
    ...(address.username === ''
      ? {}
      : { auth: { user: decodeURIComponent(address.username), pass: decodeURIComponent(address.password) } }),
    connectionTimeout: patienceMs,
    greetingTimeout: patienceMs,
    socketTimeout: patienceMs,
    dnsTimeout: patienceMs,
    // A mail is text that was made here: nothing is fetched or read for it.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    from: addressOf(from),
    send: async (mail) => {
      const fields = fieldsOf(mail, from);
      try {
        await transport.sendMail(fields);
      } catch (cause) {
        throw refusalOf(cause);
      }
    },
  };
}

/** Of `Lumenality <help@example.com>` the address. */
const addressOf = (from: string): string => /<(.+)>$/.exec(from)?.[1] ?? from;

/** What a server said, without the address that it may repeat. RFC 5321, section 4.2.1: 5yz to a recipient is for good. */
function refusalOf(cause: unknown): DomainError {
  const { code = 'unknown', responseCode, permanent } = cause as NodemailerError;
  const forGood = code === 'EENVELOPE' && permanent === true;
  const said = responseCode === undefined ? code : `${code}, ${responseCode}`;
  return new DomainError('unavailable', `The mail server did not take the mail (${said}).`, {
    cause,
    retryable: !forGood,
  });
}

/** @throws DomainError `invalid_input` for a header of more than one line: what follows the line would be a header of the sender's making. */
function fieldsOf(mail: Mail, from: string) {
  for (const [name, value] of Object.entries({ id: mail.id, to: mail.to, subject: mail.subject, from })) {
    if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value)) {
      throw new DomainError('invalid_input', `The mail's field "${name}" must be one line.`);
    }
  }
  const domain = addressOf(from).replace(/^.*@/, '');
  return {
    messageId: `<${mail.id}@${domain}>`,
    from,
    // As an object, so that a comma in it does not make two recipients.
    to: { name: '', address: mail.to },
    subject: mail.subject,
    text: mail.text,
    // RFC 3834: no out-of-office answers, please.
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}
