import { type Command, InvalidArgumentError } from 'commander';
import {
  addedCellSchema,
  type Cell,
  cellPageSchema,
  cellSchema,
  cellSetUpSchema,
} from '../../control-api/contracts/cells.ts';
import { practicePageSchema } from '../../control-api/contracts/practices.ts';
import type { ApiClient } from './api-client.ts';
import { commandError } from './command-error.ts';
import { type ListingOptions, listing, pageRequest, sayMore } from './listing.ts';
import type { Output } from './output.ts';
import { act, type Invocation, type Session } from './session.ts';
import { type Cell as Field, fields, table } from './table.ts';
import { relative } from './text.ts';

const which = 'id of the cell, as the list shows it';

type Limits = Readonly<Record<string, number>>;

interface Reasoned {
  readonly reason?: string;
}

interface NewCell extends Reasoned {
  readonly account: string;
  readonly region: string;
  readonly domain: string;
  readonly hostedZone: string;
  readonly imageRegistry?: string;
  readonly s3PrefixList?: string;
  readonly backupCopyRegion?: string;
  readonly alarmEmail?: string;
  readonly limit?: Limits;
}

/** The AWS accounts and Regions that hold silos. */
export function cellCommands(group: Command, invocation: Invocation): void {
  const list = group
    .command('list')
    .description('List cells, how full they are and for how long they will do');
  act(list, invocation, listCells);

  const show = listing(
    group
      .command('show')
      .argument('<cell>', which)
      .description('Show one cell: used and free of each quota, days until full, its practices'),
  );
  act<ListingOptions>(show, invocation, showCell);

  addCommand(group, invocation);
  changeCommands(group, invocation);
}

function addCommand(group: Command, invocation: Invocation): void {
  const add = reasoned(
    limited(
      group
        .command('add')
        .argument('<cell>', 'the id it shall have: lower-case letters, digits and hyphens')
        .description('Add a cell, and print what its account has to run before it can be activated')
        .requiredOption('--account <id>', 'the AWS account, 12 digits; it holds no other cell')
        .requiredOption('--region <region>', 'such as us-west-2')
        .requiredOption('--domain <domain>', 'its practices answer at <practice>.<domain>')
        .requiredOption('--hosted-zone <id>', 'the Route 53 zone of that domain, in that account')
        .option('--image-registry <host>', "where the app's image lies (default: as the cell main has it)")
        .option('--s3-prefix-list <id>', 'of com.amazonaws.<region>.s3, outside the United States')
        .option('--backup-copy-region <region>', 'where second copies of backups go')
        .option('--alarm-email <address>', 'who is told about alarms (default: as the cell main has it)'),
    ),
  );
  act<NewCell>(add, invocation, addCell);

  const setUp = group
    .command('set-up')
    .argument('<cell>', which)
    .description("Print again what an administrator of the cell's account has to run");
  act(setUp, invocation, async ({ api, output }, _options, [id = '']) => {
    const answer = await api.get(`${pathOf(id)}/set-up`, cellSetUpSchema);
    output.document(answer);
    tellSetUp(output, answer);
    return undefined;
  });

  const remove = reasonless(group, 'remove', 'Forget a cell that was never activated');
  act(remove, invocation, async ({ api, output, confirm }, _options, [id = '']) => {
    const { body } = await found(api, id);
    await confirm(`Forget cell ${body.id}? Its external id is lost with it.`);
    await api.delete(pathOf(id));
    output.document({ id, removed: true });
    output.line(`Cell ${id} is forgotten. Delete its stacks by hand, if they were deployed.`);
    return undefined;
  });
}

function changeCommands(group: Command, invocation: Invocation): void {
  const activate = reasoned(
    reasonless(
      group,
      'activate',
      'Open a cell for practices, once it lets the control plane in with its external id and not without',
    ),
  );
  act<Reasoned>(activate, invocation, async (session, { reason }, [id = '']) => {
    const cell = await change(session, 'POST', id, 'activate', { reason });
    session.output.line(`Cell ${id} is ${cell.state}: practices are placed there from now on.`);
    return undefined;
  });

  const drain = reasoned(
    reasonless(group, 'drain', 'Place nothing more in a cell; its practices stay where they are'),
  );
  act<Reasoned>(drain, invocation, async (session, { reason }, [id = '']) => {
    const cell = await change(session, 'POST', id, 'drain', { reason });
    session.output.line(`Cell ${id} is ${cell.state}. Its ${cell.practices} practices stay there.`);
    session.output.line(`Take it back with: npx lumenality cell activate ${id}`);
    return undefined;
  });

  const limits = reasoned(
    limited(reasonless(group, 'limits', 'Set limits of a cell; the others stay as they are')),
  );
  act<Reasoned & { limit?: Limits }>(limits, invocation, async (session, { reason, limit }, [id = '']) => {
    if (limit === undefined) {
      throw commandError('usage', 'There is no limit to set: give --limit name=number, once or more.', {
        hint: `See those of ${id} with: npx lumenality cell show ${id}`,
      });
    }
    const cell = await change(session, 'PUT', id, 'limits', { limits: limit, reason });
    session.output.line(quotaTable(session.output, cell));
    return undefined;
  });
}

const reasonless = (group: Command, name: string, description: string): Command =>
  group.command(name).argument('<cell>', which).description(description);

const reasoned = (command: Command): Command => command.option('--reason <text>', 'kept in the audit trail');

const limited = (command: Command): Command =>
  command.option('--limit <name=number>', 'what silos may use of a quota; may be repeated', gatherLimit);

/** A commander argument parser for `vpcs=100`, repeated. */
function gatherLimit(text: string, before: Limits = {}): Limits {
  const [, name, count] = /^([A-Za-z0-9]+)=(\d{1,7})$/.exec(text) ?? [];
  if (name === undefined || count === undefined) {
    throw new InvalidArgumentError('It must be a name and a whole number, such as vpcs=100.');
  }
  return { ...before, [name]: Number(count) };
}

const pathOf = (id: string): string => `/v1/cells/${encodeURIComponent(id)}`;
const found = (api: ApiClient, id: string) => api.getTagged(pathOf(id), cellSchema);

/** Held to the revision that is there now: nobody's change of the same moment is overwritten. */
async function change(
  { api, output }: Session,
  method: 'POST' | 'PUT',
  id: string,
  verb: string,
  body: object,
): Promise<Cell> {
  const { etag } = await found(api, id);
  const send = method === 'POST' ? api.post.bind(api) : api.put.bind(api);
  const cell = await send(`${pathOf(id)}/${verb}`, cellSchema, { body, etag });
  output.document(cell);
  return cell;
}

async function addCell({ api, output }: Session, options: NewCell, [id = '']: readonly string[]) {
  const { account, region, domain, hostedZone, s3PrefixList, limit, ...others } = options;
  const { imageRegistry, backupCopyRegion, alarmEmail, reason } = others;
  const answer = await api.post('/v1/cells', addedCellSchema, {
    body: {
      id,
      accountId: account,
      region,
      domain,
      hostedZoneId: hostedZone,
      imageRegistry,
      s3PrefixListId: s3PrefixList,
      backupCopyRegion,
      alarmEmail,
      limits: limit,
      reason,
    },
  });
  output.document(answer);
  output.line(`Added cell ${id}: it is ${answer.cell.state}, and nothing is placed there yet.`);
  tellSetUp(output, answer.setUp);
  return undefined;
}

function tellSetUp(
  output: Output,
  { cellId, principalArn, commands }: { cellId: string; principalArn: string; commands: readonly string[] },
): void {
  output.line(
    `\nAn administrator of its account runs this in a checkout of this project, with that account's credentials:`,
  );
  output.line();
  for (const command of commands) output.line(command);
  if (principalArn.includes(':role/')) {
    output.line(`\nIf the role ${principalArn} has a path, put it in: STS does not tell paths.`);
  }
  output.line(`\nThen: npx lumenality cell activate ${cellId}`);
}

async function listCells({ api, output }: Session) {
  const page = await api.get('/v1/cells', cellPageSchema);
  output.document(page);
  if (page.items.length === 0) {
    output.line('No cell is on record. The control plane records the one of its environment when it starts.');
    return undefined;
  }
  output.line(
    table(
      output,
      ['CELL', 'STATE', 'ACCOUNT', 'REGION', 'PRACTICES', 'TIGHTEST', 'FULL IN'],
      page.items.map((cell) => [
        cell.id,
        stateOf(cell, output),
        cell.accountId,
        cell.region,
        String(cell.practices),
        tightest(cell),
        fullIn(cell.daysUntilFull),
      ]),
    ),
  );
  return undefined;
}

async function showCell({ api, output }: Session, options: ListingOptions, [id = '']: readonly string[]) {
  const { body: cell } = await found(api, id);
  const page = await api.list('/v1/practices', practicePageSchema, pageRequest(options), { cell: cell.id });
  output.document({ ...cell, practicesThere: page.items, nextCursor: page.nextCursor });
  output.line(
    fields(output, [
      ['Cell', cell.id],
      ['State', stateOf(cell, output)],
      ['Account', `${cell.accountId}, ${cell.region}`],
      ['Reached by', cell.roleArn ?? "the control plane's own credentials"],
      ['Domain', `${cell.domain} (${cell.hostedZoneId})`],
      ['Images', cell.imageRegistry],
      ['Backup copies', cell.backupCopyRegion],
      ['Alarms', cell.alarmEmail ?? 'nobody is told by e-mail'],
      ['Practices', String(cell.practices)],
      ['Full in', `${fullIn(cell.daysUntilFull)}${cell.firstFull === null ? '' : ` (${cell.firstFull})`}`],
      ['Added', `by ${cell.createdBy}, ${cell.createdAt}`],
    ]),
  );
  output.line();
  output.line(quotaTable(output, cell));
  if (page.items.length > 0) {
    const now = new Date();
    output.line();
    output.line(
      table(
        output,
        ['PRACTICE', 'STATE', 'CREATED'],
        page.items.map((practice) => [practice.id, practice.state, relative(practice.createdAt, now)]),
      ),
    );
    sayMore(output, page.nextCursor);
  }
  if (cell.state === 'pending') {
    output.line(`\nNext: npx lumenality cell set-up ${id}, then cell activate ${id}`);
  }
  return undefined;
}

function quotaTable(output: Output, cell: Cell): string {
  return table(
    output,
    ['QUOTA', 'LIMIT', 'USED', 'FREE', 'A DAY', 'FULL IN'],
    cell.quotas.map((row) => [
      row.quota,
      String(row.limit),
      String(row.used),
      row.used > 0 && row.free <= 0
        ? { text: String(row.free), paint: output.colours.red }
        : String(row.free),
      String(row.dailyGrowth),
      fullIn(row.daysUntilFull),
    ]),
  );
}

const fullIn = (days: number | null): string => (days === null ? '-' : `${days} d`);

/** The quota of which the largest part is used. */
function tightest({ quotas }: Cell): string {
  const [first] = quotas
    .filter(({ used }) => used > 0)
    .toSorted((one, other) => other.used / other.limit - one.used / one.limit);
  return first === undefined ? '-' : `${first.quota} ${first.used} of ${first.limit}`;
}

function stateOf({ state }: Cell, { colours }: Output): Field {
  return state === 'active' ? { text: state, paint: colours.green } : state;
}
