import type { Command } from 'commander';
import { auditPageSchema } from '../../control-api/contracts/records.ts';
import { type ListingOptions, listing, pageRequest, sayMore } from './listing.ts';
import { act, type Invocation } from './session.ts';
import { table } from './table.ts';
import { isUuid, relative } from './text.ts';

interface AuditOptions extends ListingOptions {
  readonly subjectType?: string;
  readonly subjectId?: string;
  readonly action?: string;
}

export function auditCommands(group: Command, invocation: Invocation): void {
  const list = listing(group.command('list').description('List the audit trail, newest first'))
    .option('--action <action>', 'such as sign_up.approved')
    .option('--subject-type <type>', 'such as sign_up, run, token')
    .option('--subject-id <id>', 'the id of the subject, in full');
  act<AuditOptions>(list, invocation, async ({ api, output }, options) => {
    const { action, subjectType, subjectId } = options;
    const page = await api.list('/v1/audit', auditPageSchema, pageRequest(options), {
      action,
      subjectType,
      subjectId,
    });
    output.document(page);
    if (page.items.length === 0) {
      output.line('Nothing in the audit trail fits.');
      return undefined;
    }
    const now = new Date();
    output.line(
      table(
        output,
        ['SEQ', 'WHEN', 'WHO', 'DID', 'SUBJECT', 'REASON'],
        page.items.map((row) => [
          String(row.seq),
          relative(row.at, now),
          row.actor.name,
          row.action,
          `${row.subject.type} ${isUuid(row.subject.id) && !output.wide ? row.subject.id.slice(0, 8) : row.subject.id}`,
          typeof row.details['reason'] === 'string' ? row.details['reason'] : '-',
        ]),
      ),
    );
    sayMore(output, page.nextCursor);
    return undefined;
  });
}
