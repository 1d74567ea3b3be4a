import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { AwsError, type ImageManifest, type ImageRegistry } from '../model.ts';

const MEDIA_TYPE: ImageManifest['mediaType'] = 'application/vnd.lumenality.sandbox.image.v1+json';
const MANIFEST = 'manifest.json';
const FILES = 'files';
/** Names of Amazon ECR ("CreateRepository", `repositoryName`). */
const REPOSITORY = /^(?=.{2,256}$)[a-z0-9]+([._-][a-z0-9]+)*(\/[a-z0-9]+([._-][a-z0-9]+)*)*$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Images as folders: `<directory>/<repository>/sha256-<hex>/{manifest.json,files/…}`. An image is moved into place
 * when it is complete, so one that is found is whole, and it never changes afterwards.
 */
export class FolderImageRegistry implements ImageRegistry {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * @throws AwsError `InvalidParameterException` for a name or manifest of another form, a path that leaves the
   *   folder or a link; `InvalidLayerException` for a file whose
   *   content is not what the manifest says.
   */
  push(repository: string, manifest: Uint8Array, folder: string): { readonly digest: string } {
    const digest = sha256(manifest);
    const target = this.#folderOf(repository, digest);
    const { files } = readManifest(manifest);
    if (existsSync(target)) return { digest };
    const unfinished = `${target}.${process.pid}`;
    rmSync(unfinished, { recursive: true, force: true });
    try {
      for (const [path, expected] of Object.entries(files)) {
        const bytes = readRegularFile(folder, path);
        if (sha256(bytes) !== expected) {
          throw new AwsError(
            'InvalidLayerException',
            `The image's file ${path} does not have the digest ${expected}.`,
          );
        }
        const copy = join(unfinished, FILES, path);
        mkdirSync(dirname(copy), { recursive: true });
        writeFileSync(copy, bytes);
      }
      writeFileSync(join(unfinished, MANIFEST), manifest);
      renameSync(unfinished, target);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      throw error;
    }
    return { digest };
  }

  find(
    repository: string,
    digest: string,
  ): { readonly folder: string; readonly manifest: ImageManifest } | undefined {
    if (!REPOSITORY.test(repository) || !DIGEST.test(digest)) return undefined;
    const image = this.#folderOf(repository, digest);
    if (!existsSync(image)) return undefined;
    return { folder: join(image, FILES), manifest: readManifest(readFileSync(join(image, MANIFEST))) };
  }

  #folderOf(repository: string, digest: string): string {
    if (!REPOSITORY.test(repository)) {
      throw new AwsError(
        'InvalidParameterException',
        `Invalid repository name: ${JSON.stringify(repository)}.`,
      );
    }
    return join(this.#directory, repository, digest.replace(':', '-'));
  }
}

function readManifest(bytes: Uint8Array): ImageManifest {
  let manifest: Partial<ImageManifest>;
  try {
    manifest = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<ImageManifest>;
  } catch (error) {
    throw invalid(`it is not JSON (${(error as Error).message})`);
  }
  const { mediaType, entrypoint, files } = manifest ?? {};
  if (mediaType !== MEDIA_TYPE) throw invalid(`its mediaType is not ${MEDIA_TYPE}`);
  if (typeof files !== 'object' || files === null) throw invalid('it names no files');
  for (const [path, digest] of Object.entries(files)) {
    if (!isInside(path))
      throw invalid(`the path ${JSON.stringify(path)} is not a relative path inside the image`);
    if (typeof digest !== 'string' || !DIGEST.test(digest))
      throw invalid(`the digest of ${path} is not sha256:<hex>`);
  }
  if (typeof entrypoint !== 'string' || !Object.hasOwn(files, entrypoint)) {
    throw invalid('its entrypoint is not one of its files');
  }
  return { mediaType, entrypoint, files };
}

function invalid(reason: string): AwsError {
  return new AwsError('InvalidParameterException', `The image manifest is not valid: ${reason}.`);
}

function isInside(path: string): boolean {
  const plain = path !== '' && !/[\\\0]/.test(path) && posix.normalize(path) === path;
  return plain && !posix.isAbsolute(path) && path !== '.' && !path.split('/').includes('..');
}

/** A link could lead out of the folder; no part of the path may be one. */
function readRegularFile(folder: string, path: string): Buffer {
  let at = folder;
  for (const part of path.split('/')) {
    at = join(at, part);
    const stats = lstatSync(at, { throwIfNoEntry: false });
    if (stats === undefined) throw invalid(`its file ${path} is missing`);
    if (stats.isSymbolicLink()) throw invalid(`${path} is, or lies behind, a symbolic link`);
  }
  return readFileSync(at);
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
