import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '../../tenant-template/image.ts';

const folder = mkdtempSync(join(tmpdir(), 'lumenality-image-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (file: string): string =>
  `sha256:${createHash('sha256').update(readFileSync(file)).digest('hex')}`;

/** A checkout of its own, with an app that needs what CommonJS packages need. */
function checkout(name: string): string {
  const root = join(folder, name);
  mkdirSync(join(root, 'app'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{}');
  writeFileSync(
    join(root, 'app', 'legacy.cjs'),
    "const { sep } = require('node:path'); module.exports = { folder: __dirname, sep };",
  );
  writeFileSync(
    join(root, 'app', 'main.ts'),
    "import legacy from './legacy.cjs';\nconst folder: string = legacy.folder;\nconsole.log(JSON.stringify({ folder }));\n",
  );
  return join(root, 'app', 'main.ts');
}

test('the same sources in another folder are the same image, byte for byte', async () => {
  const one = await buildImage({ entry: checkout('one'), out: join(folder, 'image-one') });
  const two = await buildImage({ entry: checkout('somewhere/else'), out: join(folder, 'image-two') });
  expect(two).toEqual(one);
  expect(one.digest).toBe(sha256(join(folder, 'image-one', 'manifest.json')));
  expect(JSON.parse(readFileSync(join(folder, 'image-one', 'manifest.json'), 'utf8'))).toEqual(one.manifest);
  for (const [file, hash] of Object.entries(one.manifest.files))
    expect(sha256(join(folder, 'image-two', file))).toBe(hash);

  const output = execFileSync(process.execPath, [join(folder, 'image-two', one.manifest.entrypoint)], {
    encoding: 'utf8',
  });
  expect(JSON.parse(output)).toEqual({ folder: join(folder, 'image-two') });
});

test('other sources are another image', async () => {
  const entry = checkout('changed');
  const before = await buildImage({ entry, out: join(folder, 'before') });
  writeFileSync(entry, 'console.log(1);\n');
  const after = await buildImage({ entry, out: join(folder, 'after') });
  expect(after.digest).not.toBe(before.digest);
});

test('an app that is not there, or does not bundle, says so', async () => {
  await expect(buildImage({ entry: join(folder, 'none.ts'), out: join(folder, 'none') })).rejects.toThrow(
    /There is no practice app at .*none\.ts/,
  );
  const broken = checkout('broken');
  writeFileSync(broken, "import './missing.ts';\n");
  await expect(buildImage({ entry: broken, out: join(folder, 'none') })).rejects.toThrow(
    /Could not resolve "\.\/missing\.ts"/,
  );
});
