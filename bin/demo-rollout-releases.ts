import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Release, releaseSchema } from '../control-api/contracts/releases.ts';
import { sandboxDefaults } from '../lib/config.ts';
import { releaseManifestSchema } from '../lib/domain/release.ts';
import { contentHashOf, releaseIdOf } from '../lib/domain/release-content.ts';
import { commandError } from './commands/command-error.ts';
import type { AcceleratedControlPlane } from './demo-rollout-control-plane.ts';
import { pushImage } from './embedded-release.ts';

/** How a release differs from the one that it is made of. */
export interface Derivation {
  readonly appVersion: string;
  readonly notes: string;
  /** JavaScript that runs before the app. */
  readonly before?: string;
}

/**
 * What nobody notices before people use the app: every check of its health and version is answered as ever, and every second other request
 * with an error.
 */
export const answersWithErrors = `import { Server } from 'node:https';
const { emit } = Server.prototype;
let asked = 0;
Server.prototype.emit = function (event, ...given) {
  const [request, response] = given;
  if (event !== 'request' || ['/healthz', '/readyz', '/version'].includes(request.url)) return emit.call(this, event, ...given);
  asked += 1;
  if (asked % 2 === 1) return emit.call(this, event, ...given);
  response.writeHead(500, { 'content-type': 'text/plain' }).end('This release answers with errors.');
  return true;
};
`;

const bundle = 'main.mjs';
const entrypoint = 'start.mjs';

/** Makes of a built release another one, complete as `release:build` writes it: the same stacks with another app. */
export function deriveRelease(from: string, out: string, { appVersion, before = '' }: Derivation): void {
  cpSync(from, out, { recursive: true });
  const image = join(out, 'image');
  const app = readFileSync(join(image, bundle), 'utf8');
  const version = /^(var APP_VERSION = )"[^"]*";$/m;
  if (!version.test(app))
    throw new Error(`the app's bundle does not say its version as ${version} expects it`);
  writeFileSync(join(image, bundle), app.replace(version, `$1${JSON.stringify(appVersion)};`));
  writeFileSync(join(image, entrypoint), `${before}await import('./${bundle}');\n`);
  const digest = writeImageManifest(image);

  const manifestFile = join(out, 'release.json');
  const manifest = releaseManifestSchema.parse(JSON.parse(readFileSync(manifestFile, 'utf8')));
  const content = { ...manifest, appVersion, image: { ...manifest.image, digest } };
  const contentHash = contentHashOf(content);
  const derived = { ...content, contentHash, id: releaseIdOf(contentHash) };
  writeFileSync(manifestFile, `${JSON.stringify(derived, undefined, 2)}\n`);
}

/** @returns the digest of the image */
function writeImageManifest(image: string): string {
  const file = join(image, 'manifest.json');
  const { mediaType } = JSON.parse(readFileSync(file, 'utf8')) as { readonly mediaType: string };
  const files = Object.fromEntries([bundle, entrypoint].map((name) => [name, digestOf(join(image, name))]));
  writeFileSync(file, `${JSON.stringify({ mediaType, entrypoint, files }, undefined, 2)}\n`);
  return digestOf(file);
}

const digestOf = (file: string) => `sha256:${createHash('sha256').update(readFileSync(file)).digest('hex')}`;

/** Derives a release, pushes its image, and has the command line sign and publish it as a pipeline does. */
export async function publish(
  controlPlane: AcceleratedControlPlane,
  name: string,
  derivation: Derivation,
): Promise<Release> {
  const { endpoint, releaseDirectory } = controlPlane;
  const directory = `${releaseDirectory}-${name}`;
  deriveRelease(releaseDirectory, directory, derivation);
  const manifest = releaseManifestSchema.parse(
    JSON.parse(readFileSync(join(directory, 'release.json'), 'utf8')),
  );
  await pushImage(endpoint, { ...manifest.image, folder: join(directory, 'image') });
  const answer = await lumenality(controlPlane, [
    'release',
    'publish',
    directory,
    '--kind=feature',
    `--notes=${derivation.notes}`,
    '--sign-with=kms:alias/lumenality-release',
  ]);
  return releaseSchema.parse(answer);
}

/** What the command line answers to a command. */
async function lumenality(
  { url, tokenFile, endpoint }: AcceleratedControlPlane,
  command: readonly string[],
): Promise<unknown> {
  const entry = fileURLToPath(new URL(`./lumenality${extname(import.meta.url)}`, import.meta.url));
  const { accessKeyId, secretAccessKey } = sandboxDefaults.credentials;
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...process.execArgv, entry, ...command, '--url', url, '--token-file', tokenFile, '--json'],
      {
        env: {
          // oxlint-disable-next-line node/no-process-env -- an entry point hands the environment on to what it starts.
          ...process.env,
          AWS_ENDPOINT_URL: endpoint,
          AWS_REGION: sandboxDefaults.region,
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secretAccessKey,
        },
      },
    );
    return JSON.parse(stdout);
  } catch (cause) {
    const said = (cause as { readonly stderr?: string }).stderr ?? String(cause);
    throw commandError('internal', `lumenality ${command.slice(0, 2).join(' ')} failed.`, {
      hint: said,
      cause,
    });
  }
}
