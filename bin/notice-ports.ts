import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { fileMailer, smtpMailer } from '../lib/notices/mailers.ts';
import { secretBox } from '../lib/notices/secret-box.ts';
import { standardWebhooks } from '../lib/notices/standard-webhooks.ts';
import type { NoticePorts } from '../lib/ports/notice-ports.ts';
import { ownFile } from './own-file.ts';

/** How notices leave this process, as the configuration says. */
export function noticePorts(config: Config): NoticePorts {
  const { mail, cloud, dataDirectory } = config;
  return {
    webhooks: standardWebhooks({ publicOnly: cloud.kind === 'aws' }),
    mailer:
      mail.server === undefined
        ? fileMailer(join(dataDirectory, 'mail'), mail.from)
        : smtpMailer(mail.server, mail.from),
    secrets: secretBox(config.noticeKey ?? ownKey(config)),
  };
}

/** The embedded database's key lies in the same directory; who shares a database server with other replicas has to be given one. */
function ownKey({ databaseUrl, dataDirectory }: Config): Buffer | undefined {
  if (databaseUrl !== undefined) return undefined;
  const file = ownFile(dataDirectory, 'notice.key', () => `${randomBytes(32).toString('base64')}\n`);
  const key = Buffer.from(readFileSync(file, 'utf8'), 'base64');
  if (key.length === 32) return key;
  throw new DomainError(
    'configuration',
    `${file} does not hold a key of 32 bytes in base64. Restore it from a backup; or remove it, start anew and rotate the secrets of all notice endpoints.`,
  );
}
