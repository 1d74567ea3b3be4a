import { mkdtempSync } from 'node:fs';
import { fileMailer } from '../../lib/notices/mailers.ts';
import { secretBox } from '../../lib/notices/secret-box.ts';
import { standardWebhooks } from '../../lib/notices/standard-webhooks.ts';
import type { NoticePorts } from '../../lib/ports/notice-ports.ts';
import { shared } from './run-directory.ts';

/** Notices as the sandbox sends them: webhooks to this machine too, mails into files. */
export function testNoticePorts(): NoticePorts & { readonly mailDirectory: string } {
  const mailDirectory = mkdtempSync(shared('mail-'));
  return {
    mailDirectory,
    webhooks: standardWebhooks({ publicOnly: false }),
    mailer: fileMailer(mailDirectory, 'Lumenality <help@lumenality.test>'),
    secrets: secretBox(Buffer.alloc(32, 7)),
  };
}
