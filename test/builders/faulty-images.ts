import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Release, releaseManifestSchema } from '../../lib/domain/release.ts';
import { contentHashOf, releaseIdOf } from '../../lib/domain/release-content.ts';

/** What is wrong with an image. */
export type ImageFault = 'crash' | 'unready' | 'slow' | 'errors' | 'migration';

/** How much longer every answer of the slow image takes. */
export const slowerByMs = 400;
/** Of requests to the image with errors, but for those that ask for its health: every second. */
export const errorShare = 0.5;

/** Runs before the app's own bundle and changes what it does with requests; health checks of the load balancer go through. */
const onRequests = (body: string) => `
import { Server } from 'node:https';
const { emit } = Server.prototype;
let asked = 0;
Server.prototype.emit = function (event, ...given) {
  const goOn = () => emit.call(this, event, ...given);
  if (event !== 'request') return goOn();
  const [request, response] = given;
  const answer = (status, text) => response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  ${body}
};
`;

const beforeApp: Readonly<Record<ImageFault, string>> = {
  crash: "process.stderr.write('This image crashes when it starts.\\n');\nprocess.exit(1);\n",
  unready: onRequests(
    `return request.url === '/readyz' ? answer(503, '{"status":"unready","reason":"This image is never ready."}') : goOn();`,
  ),
  slow: onRequests(`setTimeout(goOn, ${slowerByMs});\n  return true;`),
  errors: onRequests(`
  if (['/healthz', '/readyz', '/version'].includes(request.url)) return goOn();
  asked += 1;
  return asked % ${1 / errorShare} === 0 ? answer(500, '{"status":500,"title":"This image answers with errors."}') : goOn();`),
  migration: '',
};

const entrypoint = 'faulty.mjs';
const bundle = 'main.mjs';

/**
 * Makes of a release and its image a release whose image has this fault and is good otherwise.
 * @param image folder of the good image, with its manifest
 * @param out a folder to be made, as `PUT /_sandbox/images` takes it
 */
export function faultyRelease(
  { manifest, templates }: Release,
  image: string,
  fault: ImageFault,
  out: string,
): Release {
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, entrypoint), `${beforeApp[fault]}await import('./${bundle}');\n`);
  if (fault === 'migration')
    writeFileSync(join(out, bundle), withBadMigration(readFileSync(join(image, bundle), 'utf8')));
  else copyFileSync(join(image, bundle), join(out, bundle));
  const digestOf = (bytes: Buffer | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const files = Object.fromEntries(
    [entrypoint, bundle].map((file) => [file, digestOf(readFileSync(join(out, file)))]),
  );
  const { mediaType } = JSON.parse(readFileSync(join(image, 'manifest.json'), 'utf8')) as {
    mediaType: string;
  };
  const body = JSON.stringify({ mediaType, entrypoint, files });
  writeFileSync(join(out, 'manifest.json'), body);
  const content = {
    ...manifest,
    image: { ...manifest.image, digest: digestOf(body) },
    ...(fault === 'migration' && { migration: badMigration.name }),
  };
  const contentHash = contentHashOf(content);
  return {
    manifest: releaseManifestSchema.parse({ ...content, contentHash, id: releaseIdOf(contentHash) }),
    templates,
  };
}

const badMigration = {
  number: 9_999,
  name: '9999-of-no-table',
  sql: 'ALTER TABLE table_that_is_not_there ADD COLUMN anything text',
};

/** The bundle with one more migration, the last one. */
function withBadMigration(source: string): string {
  const list = /^var migrations = \[\n[^\]]*(?=\n\];$)/m;
  if (!list.test(source))
    throw new Error(`The app's bundle has no list of migrations as ${String(list)} expects it.`);
  return source.replace(list, (found) => `${found},\n  ${JSON.stringify(badMigration)}`);
}
