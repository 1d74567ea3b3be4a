import { randomUUID } from 'node:crypto';
import type { Cloud, ResourceHandler } from '../model.ts';
import { contextOf } from './deployment.ts';
import { differencesBetween } from './drift-comparison.ts';
import { describeError } from './failures.ts';
import {
  changeStack,
  type DriftDetectionRecord,
  isPresent,
  type ResourceDriftRecord,
  type ResourceRecord,
  requireStack,
  resourcesOf,
  type StackDrift,
  stackKey,
  tables,
} from './records.ts';

/** Looks at the resources of stacks. One detection a stack at a time. */
export interface DriftDetector {
  /** Begins a detection over the named resources, or over all, and returns its id. */
  start(cloud: Cloud, stackId: string, logicalIds: readonly string[] | undefined): string;
  /** Looks at one resource now. Undefined: its type cannot be looked at. */
  detect(cloud: Cloud, stackId: string, record: ResourceRecord): Promise<ResourceDriftRecord | undefined>;
  /** Ends what a stop of the sandbox interrupted: nobody goes on with it. */
  resume(cloud: Cloud): void;
  stop(): Promise<void>;
}

const detectionKey = ({ stackId, id }: Pick<DriftDetectionRecord, 'stackId' | 'id'>) =>
  `${stackKey(stackId)}/${id}`;

/** How many detections of a stack stay on record. */
const keptDetections = 10;

export function createDriftDetector(handlers: ReadonlyMap<string, ResourceHandler>): DriftDetector {
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();

  async function detect(
    cloud: Cloud,
    stackId: string,
    record: ResourceRecord,
  ): Promise<ResourceDriftRecord | undefined> {
    const read = handlers.get(record.type)?.read;
    if (read === undefined || record.physicalId === undefined) return undefined;
    const run = { cloud, stackId, operationId: 'drift', signal: stopping.signal };
    const context = contextOf(run, record.logicalId, record.stackTags);
    const found = await read(record.physicalId, record.properties, context).then(
      (live) => compared(record, live),
      (error: unknown) => ({ status: 'UNKNOWN' as const, reason: describeError(error), differences: [] }),
    );
    const drift = {
      logicalId: record.logicalId,
      physicalId: record.physicalId,
      type: record.type,
      expected: record.properties,
      timestamp: cloud.now(),
      ...found,
    };
    stopping.signal.throwIfAborted();
    tables(cloud.state).resourceDrifts.put(`${stackKey(stackId)}/${record.logicalId}`, drift);
    return drift;
  }

  async function carryOut(
    cloud: Cloud,
    detection: DriftDetectionRecord,
    records: readonly ResourceRecord[],
    ofWholeStack: boolean,
  ): Promise<void> {
    const drifts: ResourceDriftRecord[] = [];
    for (const record of records) {
      const drift = await detect(cloud, detection.stackId, record);
      if (drift) drifts.push(drift);
    }
    const ended = conclusion(drifts);
    cloud.state.transaction(() => {
      tables(cloud.state).driftDetections.put(detectionKey(detection), { ...detection, ...ended });
      const drift = { status: ended.stackStatus, checkedAt: detection.startedAt };
      if (ofWholeStack) changeStack(cloud, detection.stackId, { drift });
    });
  }

  return {
    detect,
    start(cloud, stackId, logicalIds) {
      const records = resourcesOf(cloud, stackId)
        .filter(isPresent)
        .filter(({ logicalId }) => logicalIds?.includes(logicalId) ?? true);
      const detection: DriftDetectionRecord = {
        id: randomUUID(),
        stackId,
        status: 'DETECTION_IN_PROGRESS',
        startedAt: cloud.now(),
      };
      putDetection(cloud, detection);
      const ended = Promise.resolve()
        .then(() => carryOut(cloud, detection, records, logicalIds === undefined))
        .catch((error: unknown) => {
          if (!stopping.signal.aborted) fail(cloud, detection, describeError(error));
        })
        .finally(() => running.delete(ended));
      running.add(ended);
      return detection.id;
    },
    resume(cloud) {
      for (const detection of tables(cloud.state).driftDetections.list())
        if (detection.status === 'DETECTION_IN_PROGRESS')
          fail(cloud, detection, 'The sandbox was stopped during the detection. Detect again.');
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

/** Also forgets the stack's oldest detections. */
function putDetection(cloud: Cloud, detection: DriftDetectionRecord): void {
  const { driftDetections } = tables(cloud.state);
  const before = driftDetections
    .list(`${stackKey(detection.stackId)}/`)
    .sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime());
  cloud.state.transaction(() => {
    for (const old of before.slice(keptDetections - 1)) driftDetections.delete(detectionKey(old));
    driftDetections.put(detectionKey(detection), detection);
  });
}

function fail(cloud: Cloud, detection: DriftDetectionRecord, statusReason: string): void {
  const failed = { ...detection, status: 'DETECTION_FAILED' as const, statusReason };
  tables(cloud.state).driftDetections.put(detectionKey(detection), failed);
}

type Found = Pick<ResourceDriftRecord, 'status' | 'actual' | 'differences'>;

function compared(record: ResourceRecord, live: Readonly<Record<string, unknown>> | undefined): Found {
  if (live === undefined) return { status: 'DELETED', differences: [] };
  const seen: Readonly<Record<string, unknown>> = {
    ...live,
    ...('Tags' in live ? { Tags: withoutStackTags(record, live['Tags']) } : {}),
  };
  const differences = differencesBetween(record.properties, seen);
  const told = Object.keys(record.properties).filter(
    (name) => Object.hasOwn(seen, name) && seen[name] !== undefined,
  );
  const actual = Object.fromEntries(told.map((name) => [name, seen[name]]));
  return { status: differences.length > 0 ? 'MODIFIED' : 'IN_SYNC', actual, differences };
}

interface Tag {
  readonly Key: string;
  readonly Value: string;
}

/** A resource carries its stack's tags and CloudFormation's own beside those of its template. */
function withoutStackTags({ properties, stackTags }: ResourceRecord, live: unknown): Tag[] {
  const own = new Set(((properties['Tags'] as Tag[] | undefined) ?? []).map(({ Key }) => Key));
  return ((live as Tag[] | undefined) ?? []).filter(
    ({ Key, Value }) => own.has(Key) || (!Key.startsWith('aws:') && stackTags[Key] !== Value),
  );
}

/** One resource that could not be looked at makes the detection fail, and what was found stays found. */
function conclusion(drifts: readonly ResourceDriftRecord[]) {
  const unknown = drifts.filter(({ status }) => status === 'UNKNOWN');
  const drifted = drifts.filter(({ status }) => status === 'MODIFIED' || status === 'DELETED');
  const stackStatus: StackDrift['status'] =
    drifted.length > 0 ? 'DRIFTED' : unknown.length > 0 ? 'UNKNOWN' : 'IN_SYNC';
  const reasons = unknown.map(({ logicalId, reason }) => `${logicalId}: ${reason}`).join('; ');
  return unknown.length > 0
    ? {
        status: 'DETECTION_FAILED' as const,
        statusReason: `Failed to detect drift on resource(s) [${reasons}]`,
        stackStatus,
        driftedCount: drifted.length,
      }
    : { status: 'DETECTION_COMPLETE' as const, stackStatus, driftedCount: drifted.length };
}

/** What the last look at a resource of the stack found, while the resource is still the stack's. */
export function driftsOf(cloud: Cloud, stackId: string): ResourceDriftRecord[] {
  const present = new Set(
    resourcesOf(cloud, requireStack(cloud, stackId).stackId)
      .filter(isPresent)
      .map(({ logicalId }) => logicalId),
  );
  return tables(cloud.state)
    .resourceDrifts.list(`${stackKey(stackId)}/`)
    .filter(({ logicalId }) => present.has(logicalId));
}
