import { listCells } from '../db/cell-store.ts';
import { readOwners } from '../db/owner-store.ts';
import type { Cell } from '../domain/cell.ts';
import { DomainError } from '../domain/errors.ts';
import {
  judgeResource,
  type OrphanFinding,
  type Owner,
  parseArn,
  type ResourceFacts,
  stackIdOf,
  type TaggedResource,
} from '../domain/orphans.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { Clouds } from '../ports/clouds.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';

export type { Clouds };

/** What a look at one cell came to. */
interface SweptCell {
  readonly id: string;
  /** How many resources carry a practice's tag; null when the cell could not be read. */
  readonly resources: number | null;
  /** Why it could not be read. */
  readonly problem: string | null;
}

export interface OrphanReport {
  readonly checkedAt: Date;
  readonly cells: readonly SweptCell[];
  /** What nobody needs first, then what is kept on purpose. */
  readonly findings: readonly OrphanFinding[];
}

/** The tag by which the control plane marks every stack, and CloudFormation what they make. */
const practiceTag = 'lumenality:practice';

/**
 * Looks in every cell, or in one, for resources with this control plane's tags that no practice owns. Only looks: nothing is ever deleted. A cell that cannot
 * be read is told as such and does not keep the others from being read.
 * @throws DomainError `not_found` for a cell that there is not.
 */
export async function findOrphans(
  { db, clock }: Pick<Core, 'db' | 'clock'>,
  clouds: Clouds,
  { cellId, signal }: { readonly cellId?: string | undefined; readonly signal?: AbortSignal } = {},
): Promise<OrphanReport> {
  const checkedAt = clock.now();
  const cells = (await listCells(db)).filter(
    ({ id, state }) => (cellId === undefined && state !== 'pending') || id === cellId,
  );
  if (cellId !== undefined && cells.length === 0) throw notFound('cell');
  const swept: SweptCell[] = [];
  const findings: OrphanFinding[] = [];
  for (const cell of cells) {
    try {
      const found = await sweep(db, clouds.of(cell), cell, signal);
      swept.push({ id: cell.id, resources: found.resources, problem: null });
      findings.push(...found.findings);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof DomainError)) throw error;
      swept.push({ id: cell.id, resources: null, problem: error.publicMessage });
    }
  }
  findings.sort((a, b) => order(a) - order(b) || a.practiceId.localeCompare(b.practiceId));
  return { checkedAt, cells: swept, findings };
}

const order = ({ verdict }: OrphanFinding): number => (verdict === 'orphan' ? 0 : 1);

async function sweep(
  db: Core['db'],
  cloud: CloudPorts,
  cell: Cell,
  signal: AbortSignal | undefined,
): Promise<{ readonly resources: number; readonly findings: OrphanFinding[] }> {
  const known = await readOwners(db, await practiceIds(db));
  const resources = await cloud.tagged.ofPractices(signal);
  const tagged = [...new Set(resources.map(({ tags }) => tags[practiceTag] ?? ''))];
  // Read again: a run may have begun or ended while AWS listed what was there.
  const owners = await readOwners(db, tagged);
  const existing = await existingStacks(cloud, resources, signal);
  const findings: OrphanFinding[] = [];
  for (const resource of resources) {
    const practiceId = resource.tags[practiceTag] ?? '';
    const owner = owners.get(practiceId);
    if (owner !== undefined && hasMoved(known.get(practiceId), owner)) continue;
    const judge = (facts: ResourceFacts) =>
      judgeResource(resource, {
        cellId: cell.id,
        practiceId,
        owner,
        stackExists: existing.has(stackIdOf(resource) ?? ''),
        facts,
      });
    if (judge(nothingMore) === undefined) continue;
    const finding = judge(await factsOf(cloud, practiceId, resource, signal));
    if (finding !== undefined) findings.push(finding);
  }
  return { resources: resources.length, findings };
}

async function practiceIds(db: Core['db']): Promise<string[]> {
  return (await db.selectFrom('practice').select('id').execute()).map(({ id }) => id);
}

/** Whether a run was or is at work on what was listed. */
function hasMoved(before: Owner | undefined, now: Owner): boolean {
  return before?.openRunId !== null || now.openRunId !== null || before.state !== now.state;
}

/** Of the stacks that the resources say to come from, those that exist. The stacks themselves carry the tag too; only the others are asked for. */
async function existingStacks(
  { stacks }: CloudPorts,
  resources: readonly TaggedResource[],
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const existing = new Set(resources.map(({ arn }) => arn));
  const named = new Set(resources.flatMap((resource) => stackIdOf(resource) ?? []));
  for (const stackId of named) {
    if (existing.has(stackId)) continue;
    const stack = await stacks.describe(stackId, signal);
    if (stack !== undefined && stack.status !== 'DELETE_COMPLETE') existing.add(stackId);
  }
  return existing;
}

const nothingMore: ResourceFacts = { createdAt: null, deletionAt: null };

/** What is cheap to ask, of the few that belong to nobody. */
async function factsOf(
  { removal }: CloudPorts,
  practiceId: string,
  { arn }: TaggedResource,
  signal: AbortSignal | undefined,
): Promise<ResourceFacts> {
  const { kind, name } = parseArn(arn);
  if (kind === 'kms:key') {
    const life = await removal(practiceId).keyLife(arn, signal);
    return { ...nothingMore, deletionAt: life?.deletionAt ?? null };
  }
  if (kind === 'rds:snapshot') {
    const snapshot = await removal(practiceId).snapshot(name, signal);
    return { ...nothingMore, createdAt: snapshot?.createdAt ?? null };
  }
  return nothingMore;
}
