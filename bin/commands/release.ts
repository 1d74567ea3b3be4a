import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type ComplianceReport,
  complianceReportSchema,
  publicationOf,
  type Release,
  type ReleasePreview,
  type ReleaseUploadBody,
  releasePageSchema,
  releasePreviewSchema,
  releaseSchema,
} from '../../control-api/contracts/releases.ts';
import { readReleaseDirectory } from '../release-directory.ts';
import { commandError } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';
import { findPractice } from './find.ts';
import { type ListingOptions, listing, pageRequest, sayMore } from './listing.ts';
import type { Output } from './output.ts';
import { type SigningKey, signed } from './release-signing.ts';
import { act, type Invocation, type Session } from './session.ts';
import { type Cell as Field, fields, table } from './table.ts';
import { brief, relative } from './text.ts';
import { isTime } from './window-text.ts';

const which = 'id of the release, such as r-0123456789ab';

/** Immutable, signed releases. */
export function releaseCommands(group: Command, invocation: Invocation): void {
  const list = listing(group.command('list').description('List published releases, newest first'));
  act<ListingOptions>(list, invocation, listReleases);

  const show = group.command('show').argument('<release>', which).description('Show one release');
  act(show, invocation, async ({ api, output }, _options, [id = '']) => {
    const release = await api.get(pathOf(id), releaseSchema);
    output.document(release);
    tell(output, release);
    return undefined;
  });

  complianceCommand(group, invocation);
  publishCommand(group, invocation);
  previewCommand(group, invocation);
  for (const halts of [true, false]) haltCommand(group, invocation, halts);
}

async function listReleases({ api, output }: Session, options: ListingOptions) {
  const page = await api.list('/v1/releases', releasePageSchema, pageRequest(options));
  output.document(page);
  if (page.items.length === 0) {
    output.line('No release was published yet. Publish one with: npx lumenality release publish DIR …');
    return undefined;
  }
  const now = new Date();
  output.line(
    table(
      output,
      ['RELEASE', 'KIND', 'STATE', 'PUBLISHED', 'BY', 'APP', 'IMAGE'],
      page.items.map((release) => [
        release.id,
        release.severity === null ? release.kind : `${release.kind}, ${release.severity}`,
        stateOf(release, output),
        relative(release.publishedAt, now),
        release.publishedBy,
        release.appVersion,
        output.wide ? release.imageDigest : brief(release.imageDigest),
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

function complianceCommand(group: Command, invocation: Invocation): void {
  const compliance = group
    .command('compliance')
    .argument('<release>', which)
    .description('Show what the checks of a release found, and why each finding was accepted');
  act(compliance, invocation, async ({ api, output }, _options, [id = '']) => {
    const report = await api.get(`${pathOf(id)}/compliance`, complianceReportSchema);
    output.document(report);
    tellReport(output, report);
    return undefined;
  });
}

function tellReport(output: Output, { checks, counts, acknowledged }: ComplianceReport): void {
  output.line(
    table(
      output,
      ['CHECK', 'FINDINGS'],
      checks.map(({ name, findings }) => [name, String(findings)]),
    ),
  );
  output.line();
  output.line(`${counts.acknowledged} accepted with a reason, ${counts.unexplained} unexplained`);
  if (acknowledged.length === 0) return;
  output.line();
  output.line(
    table(
      output,
      ['RESOURCE', 'RULE', 'SEVERITY', 'ACCEPTED BECAUSE'],
      acknowledged.map(({ resource, rule, severity, reason }) => [resource, rule, severity, reason]),
    ),
  );
}

interface PublishOptions {
  readonly kind: Release['kind'];
  readonly severity?: NonNullable<Release['severity']>;
  readonly deadline?: string;
  readonly notes: string;
  readonly changelog?: string;
  readonly signWith: SigningKey;
}

function publishCommand(group: Command, invocation: Invocation): void {
  const { kind, severity } = releaseSchema.shape;
  const publish = group
    .command('publish')
    .argument('<directory>', 'where release:build wrote it')
    .description(
      'Sign a release and publish it; nothing is kept of one that is refused. Its image must be pushed already',
    )
    .addOption(new Option('--kind <kind>', 'what it is for').choices(kind.options).makeOptionMandatory())
    .addOption(
      new Option('--severity <severity>', 'of a security release').choices(severity.unwrap().options),
    )
    .option('--deadline <time>', 'of a security release, RFC 3339: until then everybody shall have it', time)
    .requiredOption('--notes <text>', 'what it brings, for people')
    .option('--changelog <url>', 'where to read more')
    .requiredOption('--sign-with <key>', 'kms:<id, ARN or alias>, or file:<private key in PEM>', signingKey)
    .addHelpText(
      'after',
      `
The image is only named by its digest: push it to the registry before release:build, with --image, as
.github/workflows/release.yml does. The sandbox has the image of its own release; for another, see docs/sandbox.md.

Examples:
  $ npx lumenality release publish build/release --kind fix --notes "Sign-in on old tablets" --sign-with kms:alias/lumenality-release
  $ npx lumenality release publish build/release --kind security --severity high --deadline 2026-12-04T00:00:00Z \\
      --notes "Closes a session that stayed open" --changelog https://example.com/1.4.2 --sign-with file:release-key.pem
`,
    );
  act<PublishOptions>(publish, invocation, publishRelease);
}

async function publishRelease(
  { api, output }: Session,
  { signWith, changelog, ...said }: PublishOptions,
  [directory = '']: readonly string[],
) {
  const release = await readDirectory(directory);
  const words = { ...said, ...(changelog === undefined ? {} : { changelogUrl: changelog }) };
  const signature = await signed(signWith, release.manifest, publicationOf(words));
  const body: ReleaseUploadBody = { ...release, ...words, signature };
  const published = await api.post('/v1/releases', releaseSchema, { body });
  output.document(published);
  tell(output, published);
  output.line(
    `See what it would do to a practice: npx lumenality release preview ${published.id} --practice …`,
  );
  return undefined;
}

function previewCommand(group: Command, invocation: Invocation): void {
  const preview = group
    .command('preview')
    .argument('<release>', which)
    .requiredOption('--practice <practice>', 'id or name of an active practice, or a unique start of either')
    .description('Show what an update would do to a practice; exit code 1 when it would be refused')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx lumenality release preview r-0123456789ab --practice sunrise-aba\n',
    );
  act<{ readonly practice: string }>(preview, invocation, async ({ api, output }, options, [id = '']) => {
    const { id: practice } = await findPractice(api, options.practice);
    const answer = await api.get(`${pathOf(id)}/preview`, releasePreviewSchema, {
      query: { practice },
      signal: AbortSignal.timeout(previewTimeoutMs),
    });
    output.document(answer);
    tellPreview(output, answer);
    return answer.stacks.some(({ state }) => state === 'refused') ? exitCodes.failed : undefined;
  });
}

/** Longer than the control plane itself takes at most. */
const previewTimeoutMs = 180_000;

const previewWords: Readonly<Record<ReleasePreview['stacks'][number]['state'], string>> = {
  unchanged: 'does not change',
  changed: 'changes',
  refused: 'REFUSED, so an update would change nothing at all',
  unknown: 'is known only once the stacks before it are updated',
};

function tellPreview(output: Output, { releaseId, practiceId, from, stacks }: ReleasePreview): void {
  output.line(`${practiceId}, from ${from ?? 'no release'} to ${releaseId}. Nothing was executed.`);
  for (const { component, state, changes } of stacks) {
    const words = `${component}: ${previewWords[state]}`;
    output.line(state === 'refused' ? output.colours.red(words) : words);
    const shown = output.wide ? changes : changes.filter((change) => !isOnlyTags(change));
    if (shown.length > 0) output.line(changesTable(output, shown));
    const left = changes.length - shown.length;
    if (left > 0) output.line(output.colours.dim(`${left} more, in tags only (--wide shows all)`));
  }
}

type Change = ReleasePreview['stacks'][number]['changes'][number];

/** The release is a tag of every stack, so nearly every resource changes in that. */
const isOnlyTags = ({ effect, verdict, reason }: Change): boolean =>
  effect === 'safe' && verdict === 'allowed' && reason !== null && /^Tags would change[^;]*$/.test(reason);

function changesTable(output: Output, changes: readonly Change[]): string {
  return table(
    output,
    ['RESOURCE', 'TYPE', 'ACTION', 'EFFECT', 'VERDICT', 'WHY'],
    changes.map(({ logicalId, type, action, effect, verdict, reason }) => [
      logicalId,
      type,
      action,
      effect,
      verdict === 'refused' ? { text: 'REFUSED', paint: output.colours.red } : verdict,
      reason ?? '-',
    ]),
  );
}

async function readDirectory(directory: string) {
  try {
    return await readReleaseDirectory(directory);
  } catch (cause) {
    throw commandError('usage', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function time(text: string): string {
  if (isTime(text)) return new Date(text).toISOString();
  throw new InvalidArgumentError('It must be a time with its zone, such as 2026-12-04T00:00:00Z.');
}

function signingKey(text: string): SigningKey {
  const [, kind, name] = /^(kms|file):(.+)$/.exec(text) ?? [];
  if ((kind === 'kms' || kind === 'file') && name !== undefined) return { kind, name };
  throw new InvalidArgumentError('It must be kms:<id, ARN or alias of a key> or file:<path of a PEM file>.');
}

function haltCommand(group: Command, invocation: Invocation, halts: boolean): void {
  const command = group
    .command(halts ? 'halt' : 'unhalt')
    .argument('<release>', which)
    .description(
      halts
        ? 'Stop a release: it is given to nobody any more; what has begun ends'
        : 'Let a halted release be deployed again',
    )
    .requiredOption('--reason <text>', 'kept in the audit trail, and shown to whoever wants to deploy it');
  act<{ readonly reason: string }>(command, invocation, async ({ api, output }, { reason }, [id = '']) => {
    const { etag } = await api.getTagged(pathOf(id), releaseSchema);
    const path = `${pathOf(id)}/${halts ? 'halt' : 'unhalt'}`;
    const release = await api.post(path, releaseSchema, { body: { reason }, etag });
    output.document(release);
    output.line(
      halts
        ? `Release ${release.id} is halted. Take it back with: npx lumenality release unhalt ${release.id} --reason …`
        : `Release ${release.id} may be deployed again. Rollouts that it paused wait for: npx lumenality rollout resume`,
    );
    return undefined;
  });
}

function tell(output: Output, release: Release): void {
  const { severity, deadline, halted, changelogUrl, signedBy } = release;
  output.line(
    fields(output, [
      ['release', release.id],
      ['state', stateOf(release, output)],
      ...(halted === null ? [] : [['halted', `${halted.reason} (${halted.by}, ${halted.at})`] as const]),
      ['kind', severity === null ? release.kind : `${release.kind}, ${severity}`],
      ...(deadline === null ? [] : [['deadline', deadline] as const]),
      ['notes', release.notes || '-'],
      ...(changelogUrl === null ? [] : [['changelog', changelogUrl] as const]),
      ['app', `${release.appVersion}, migration ${release.migration}`],
      ['image', release.imageDigest],
      ['content', release.contentHash],
      ['signed by', signedBy.length === 0 ? "nobody: the control plane's own" : signedBy.join(', ')],
      ['published', `${release.publishedAt} by ${release.publishedBy}`],
    ]),
  );
}

function stateOf({ state }: Release, { colours }: Output): Field {
  return state === 'halted' ? { text: state, paint: colours.red } : state;
}

const pathOf = (id: string): string => `/v1/releases/${encodeURIComponent(id)}`;
