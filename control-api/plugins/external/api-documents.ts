import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { type Access, accessTable } from '../../access.ts';
import { responseExamples } from '../../response-examples.ts';

/** The OpenAPI 3.1 document, made from the routes' own schemas and the access table, and a page to read it. */
export async function registerApiDocuments(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Lumenality control plane',
        version,
        description:
          'Sign-ups, practices and the runs that provision them; releases and how they reach practices; plans, subscriptions and what is charged. Errors are RFC 9457 problem documents. Lists are paged by cursor, newest first unless an operation says otherwise.',
      },
      servers: [{ url: '/', description: 'The control plane that answers with this document' }],
      tags: [
        { name: 'sign-ups', description: 'A practice asks; an operator decides' },
        { name: 'practices', description: 'Recorded state, observed stacks, health and evidence' },
        { name: 'runs', description: 'Executions of workflows, step by step' },
        {
          name: 'cells',
          description: 'AWS accounts and Regions that hold silos, their limits and what is in use',
        },
        {
          name: 'schedules',
          description: 'When practices may be updated: windows, rings, pins, deferrals, freezes',
        },
        {
          name: 'notices',
          description: 'What practices and other systems are told, where to, and what became of it',
        },
        { name: 'drift', description: 'Whether silos are still as their releases say' },
        {
          name: 'plans',
          description: 'Offers with their versions and terms, previews, and reports on how they do',
        },
        { name: 'subscriptions', description: 'What practices have agreed to, and what became of it' },
        { name: 'cost', description: 'What silos cost a month at list prices' },
        { name: 'releases', description: 'Signed, immutable releases: publish, look at, halt' },
        { name: 'rollouts', description: 'A release brought to the fleet, practice by practice' },
        { name: 'fleet', description: 'Which releases the fleet runs, and how long it took' },
        {
          name: 'ledger',
          description:
            'What practices owe: ledger, statements, what takes a second person, exports and payments',
        },
        { name: 'records', description: 'The audit trail' },
        { name: 'access', description: 'Tokens and who is asking' },
        { name: 'operations', description: 'Health, readiness, metrics' },
      ],
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'lum_<id>_<secret>' } },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: (document) =>
      describeAccess(jsonSchemaTransformObject(document) as OpenApiDocument) as never,
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
}

interface Operation {
  operationId?: string;
  security?: unknown;
  responses?: Record<string, Answer>;
  [extension: `x-${string}`]: unknown;
}
interface Answer {
  description?: string;
  content?: Record<string, { schema?: Schema; example?: unknown }>;
}
interface Schema {
  $ref?: string;
  examples?: unknown[];
  properties?: Record<string, { items?: Schema }>;
}
interface OpenApiDocument {
  components?: { schemas?: Record<string, unknown> };
  paths?: Record<string, Record<string, Operation>>;
}

const problemResponse = {
  description: 'Refused or failed: a problem document (RFC 9457)',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const answers: Readonly<Record<string, string>> = {
  200: 'The answer',
  201: 'Created',
  202: 'Accepted: the work goes on after this answer',
  503: 'A part does not answer',
};

/** Says on every operation who may call it and what a refusal looks like. */
function describeAccess(document: OpenApiDocument): OpenApiDocument {
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(operations)) {
      const access: Access | undefined =
        accessTable[`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`];
      operation.operationId = operationIdOf(method, path);
      operation.security = access === 'public' ? [] : [{ token: [] }];
      if (access !== undefined && access !== 'public') operation['x-roles'] = access;
      for (const [status, response] of Object.entries(operation.responses ?? {})) {
        if (response.description === 'Default Response') response.description = answers[status] ?? 'Answer';
        if (status.startsWith('2')) giveExample(response);
      }
      operation.responses = { ...operation.responses, default: problemResponse };
    }
  }
  dropInputTwins(document);
  return document;
}

function giveExample({ content }: Answer): void {
  const json = content?.['application/json'];
  const example = json?.schema && exampleOf(json.schema);
  if (json !== undefined && example !== undefined) json.example = example;
}

/** Of a named schema its own example, of a page one with a single item; any other brings its own. */
function exampleOf({ $ref, examples, properties }: Schema): unknown {
  if ($ref !== undefined) return responseExamples[$ref.replace('#/components/schemas/', '')];
  if (examples !== undefined) return examples[0];
  const item = properties?.['items']?.items;
  return item && { items: [exampleOf(item)], nextCursor: null };
}

/** A name for generated clients: `post /v1/signups/{id}/approve` is `postSignupsIdApprove`. */
function operationIdOf(method: string, path: string): string {
  const words = path.replace(/^\/v1\//, '').match(/[A-Za-z]+/g) ?? [];
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

/** Every named schema is described twice, as input and as output; named ones are only ever answers here. */
function dropInputTwins(document: OpenApiDocument): void {
  const schemas = document.components?.schemas ?? {};
  for (const name of Object.keys(schemas)) {
    if (name.endsWith('Input') && name.slice(0, -'Input'.length) in schemas) delete schemas[name];
  }
}
