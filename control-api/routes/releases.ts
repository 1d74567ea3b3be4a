import { haltRelease, unhaltRelease } from '../../lib/use-cases/halt-release.ts';
import { previewRelease } from '../../lib/use-cases/preview-release.ts';
import { listReleases, readComplianceReport, readRelease } from '../../lib/use-cases/read-releases.ts';
import { uploadRelease } from '../../lib/use-cases/upload-release.ts';
import { pageQuerySchema, reasonSchema } from '../contracts/common.ts';
import {
  complianceReportSchema,
  publicationOf,
  releasePageSchema,
  releasePreviewQuerySchema,
  releasePreviewSchema,
  releaseSchema,
  releaseUploadSchema,
} from '../contracts/releases.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { toPage } from '../serialise.ts';
import { toPreview, toRelease } from '../serialise-releases.ts';
import { type Routes, slugParams } from './types.ts';

/** Immutable releases: published once, verified and signed; deployed unless somebody has halted them. */
export function releaseRoutes(app: Routes, deps: AppDeps): void {
  readingRoutes(app, deps);
  reportRoute(app, deps);
  previewRoute(app, deps);
  publishingRoutes(app, deps);
  haltingRoutes(app, deps);
}

function readingRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/releases',
    schema: {
      summary: 'List published releases, newest first',
      tags: ['releases'],
      querystring: pageQuerySchema,
      response: { 200: releasePageSchema },
    },
    handler: async (request) => toPage(await listReleases(core, request.query), toRelease),
  });

  app.route({
    method: 'GET',
    url: '/v1/releases/:id',
    schema: {
      summary: 'Read one release',
      tags: ['releases'],
      params: slugParams,
      response: { 200: releaseSchema },
    },
    handler: async (request, reply) => {
      const release = await readRelease(core, request.params.id);
      setRevision(reply, release.revision);
      return toRelease(release);
    },
  });
}

function reportRoute(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/releases/:id/compliance',
    schema: {
      summary: 'Read the compliance report of a release',
      description:
        'What the checks of the build found, and why each finding was accepted: byte for byte the text whose SHA-256 is `compliance.sha256` of the release.',
      tags: ['releases'],
      params: slugParams,
      response: { 200: complianceReportSchema },
    },
    handler: async (request, reply) => {
      const text = await readComplianceReport(core, request.params.id);
      // Sent as it is: made anew from its values it would have another hash.
      reply.type('application/json; charset=utf-8').serializer(() => text);
      return complianceReportSchema.parse(JSON.parse(text));
    },
  });
}

function previewRoute(app: Routes, { core, siloOf, log }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/releases/:id/preview',
    schema: {
      summary: 'What an update to a release would do to a practice',
      description:
        'Makes the change sets, judges them by the change review and deletes them: nothing is executed or recorded. It takes some seconds a stack. Refused while a run of the practice is open.',
      tags: ['releases'],
      params: slugParams,
      querystring: releasePreviewQuerySchema,
      response: { 200: releasePreviewSchema },
    },
    handler: async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const asked = { releaseId: request.params.id, practiceId: request.query.practice };
      return toPreview(await previewRelease(core, { siloOf, log }, asked, gone.signal));
    },
  });
}

function publishingRoutes(app: Routes, { core, releaseKeys }: AppDeps): void {
  app.route({
    method: 'POST',
    url: '/v1/releases',
    schema: {
      summary: 'Publish a release that release:build wrote',
      description:
        'It is refused, and nothing is kept, unless every hash, the id, the compliance report and the signature by a trusted key are right: `errors` names what is not. What is published already in the same words answers 200; in other words 409.',
      tags: ['releases'],
      headers: idempotencyHeadersSchema,
      body: releaseUploadSchema,
      response: { 200: releaseSchema, 201: releaseSchema },
    },
    handler: async (request, reply) => {
      const { manifest, templates, compliance, signature, ...said } = request.body;
      const upload = { manifest, templates, compliance, signature, publication: publicationOf(said) };
      const call = { idempotencyKey: request.headers['idempotency-key'], trusted: await releaseKeys() };
      const answer = await uploadRelease(core, upload, call, actorOf(request));
      markReplay(reply, answer);
      const release = await readRelease(core, answer.body.id);
      setRevision(reply, release.revision);
      reply.code(answer.status === 201 ? 201 : 200).header('location', `/v1/releases/${release.id}`);
      return toRelease(release);
    },
  });
}

function haltingRoutes(app: Routes, { core }: AppDeps): void {
  const changes = [
    {
      verb: 'halt',
      change: haltRelease,
      summary: 'Stop a release',
      description:
        'No rollout of it starts or goes on, and no approval, update or retry deploys it to a practice that does not have it. What has begun ends.',
      reason: 'Sign-in fails at two practices',
    },
    {
      verb: 'unhalt',
      change: unhaltRelease,
      summary: 'Let a halted release be deployed again',
      description: 'Rollouts that were paused stay so until somebody resumes them.',
      reason: 'The fault was in the network of these practices',
    },
  ] as const;
  for (const { verb, change, summary, description, reason } of changes) {
    app.route({
      method: 'POST',
      url: `/v1/releases/:id/${verb}`,
      schema: {
        summary,
        description,
        tags: ['releases'],
        params: slugParams,
        headers: revisionHeadersSchema,
        body: reasonSchema.meta({ examples: [{ reason }] }),
        response: { 200: releaseSchema },
      },
      handler: async (request, reply) => {
        const asked = {
          id: request.params.id,
          reason: request.body.reason,
          revision: revisionsOf(request),
        };
        const release = await change(core, asked, actorOf(request));
        setRevision(reply, release.revision);
        return toRelease(release);
      },
    });
  }
}
