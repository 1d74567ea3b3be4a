import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';

/** What the sandbox's registry takes: its bytes' SHA-256 is the image's digest, as in the OCI image specification. */
interface ImageManifest {
  readonly mediaType: 'application/vnd.lumenality.sandbox.image.v1+json';
  /** What the container runs, relative to the image's folder. */
  readonly entrypoint: string;
  /** Path → `sha256:<hex>`, sorted by path. */
  readonly files: Readonly<Record<string, string>>;
}

export interface BuildImageOptions {
  /** The app's entry point, a TypeScript or JavaScript file. */
  readonly entry: string;
  /** Folder that receives `manifest.json` and the files that it names. */
  readonly out: string;
}

export interface BuiltImage {
  /** `sha256:<hex>` of the manifest's bytes. */
  readonly digest: string;
  readonly manifest: ImageManifest;
}

/** `.mjs`, so that the file is an ES module wherever it lies. */
const bundleName = 'main.mjs';

/** What CommonJS packages expect to find around them; the names are this banner's own, so none clashes with the app's. */
const commonJsScope = [
  "import { createRequire as imageCreateRequire } from 'node:module';",
  "import { dirname as imageDirname } from 'node:path';",
  "import { fileURLToPath as imageFileURLToPath } from 'node:url';",
  'const require = imageCreateRequire(import.meta.url);',
  'const __filename = imageFileURLToPath(import.meta.url);',
  'const __dirname = imageDirname(__filename);',
].join('\n');

/**
 * Bundles the practice app into one readable file with its manifest. The same sources and dependencies give the same
 * bytes on every machine, whatever folder they lie in.
 * @throws Error when the entry point is missing or does not bundle; the message is esbuild's.
 */
export async function buildImage({ entry, out }: BuildImageOptions): Promise<BuiltImage> {
  const entryPoint = resolve(entry);
  if (!existsSync(entryPoint)) throw new Error(`There is no practice app at ${entryPoint}.`);
  const result = await build({
    entryPoints: [entryPoint],
    // Paths in the bundle's comments are relative to this folder.
    absWorkingDir: packageRoot(entryPoint),
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    charset: 'utf8',
    legalComments: 'none',
    // An optional native driver that pg looks for; the app does not use it.
    external: ['pg-native'],
    banner: { js: commonJsScope },
    logLevel: 'silent',
  });
  const [bundle] = result.outputFiles;
  if (bundle === undefined) throw new Error(`esbuild made no bundle of ${entryPoint}.`);
  const manifest: ImageManifest = {
    mediaType: 'application/vnd.lumenality.sandbox.image.v1+json',
    entrypoint: bundleName,
    files: { [bundleName]: sha256(bundle.contents) },
  };
  const bytes = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, bundleName), bundle.contents);
  writeFileSync(join(out, 'manifest.json'), bytes);
  return { digest: sha256(bytes), manifest };
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function packageRoot(file: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return dirname(file);
  }
}
