import {
  type DriftRecord,
  listDriftHistory,
  type PracticeDrift,
  readDrift,
  requestDriftCheck,
} from '../../lib/use-cases/practice-drift.ts';
import { pageQuerySchema } from '../contracts/common.ts';
import {
  type Drift,
  type DriftRecordRow,
  driftCheckSchema,
  driftHistorySchema,
  driftSchema,
} from '../contracts/drift.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { toPage } from '../serialise.ts';
import { type Routes, slugParams } from './types.ts';

/** How silos compare with their releases. */
export function driftRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/practices/:id/drift',
    schema: {
      summary: "Read what differs between a practice's silo and its release",
      description:
        'The cloud against the release’s templates, the plan’s parameters and the verification’s checks. Differences are recorded and never set back by themselves.',
      tags: ['practices', 'drift'],
      params: slugParams,
      response: { 200: driftSchema },
    },
    handler: async (request) => toDrift(await readDrift(core, request.params.id)),
  });

  app.route({
    method: 'GET',
    url: '/v1/practices/:id/drift/history',
    schema: {
      summary: 'List what looks at a silo found, newest first',
      description: 'One row for each look that found something else than the one before.',
      tags: ['practices', 'drift'],
      params: slugParams,
      querystring: pageQuerySchema,
      response: { 200: driftHistorySchema },
    },
    handler: async (request) =>
      toPage(await listDriftHistory(core, request.params.id, request.query), toRecord),
  });

  app.route({
    method: 'POST',
    url: '/v1/practices/:id/drift-checks',
    schema: {
      summary: 'Ask for a look at a silo out of turn',
      description:
        'The answer is in `GET /v1/practices/{id}/drift` as soon as its `checkedAt` is not before `requestedAt`. Refused while a run of the practice is open.',
      tags: ['practices', 'drift'],
      params: slugParams,
      response: { 202: driftCheckSchema },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const requestedAt = await requestDriftCheck(core, id, actorOf(request));
      return reply.code(202).send({ practiceId: id, requestedAt: requestedAt.toISOString() });
    },
  });
}

const time = (at: Date | null): string | null => at?.toISOString() ?? null;

function toDrift(drift: PracticeDrift): Drift {
  return {
    ...drift,
    checkedAt: time(drift.checkedAt),
    since: time(drift.since),
    nextCheckAt: time(drift.nextCheckAt),
    requestedAt: time(drift.requestedAt),
    differences: [...drift.differences],
    accepted: [...drift.accepted],
    problems: [...drift.problems],
  };
}

function toRecord(row: DriftRecord): DriftRecordRow {
  return {
    id: row.id,
    releaseId: row.release_id,
    state: row.state,
    observedAt: row.observed_at.toISOString(),
    differences: row.differences,
    accepted: row.accepted,
    problems: row.problems,
  };
}
