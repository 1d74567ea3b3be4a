/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out. npm writes only what the registry
 * in use can show it, and a registry that mirrors part of the packages hides those of other platforms; `npm ci` then refuses
 * the lock file as incomplete. Their versions are exact in the package that names them, and platform packages are named after
 * their platform, so nothing is guessed. They carry no integrity, since nobody here has seen them: on those platforms npm
 * checks what it fetches against the registry's own answer.
 *
 * Run it after every change of a dependency: node .ci/complete-lock.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const names = new Set(Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, '')));

for (const [parentPath, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (names.has(name)) continue;
    const words = name.split(/[/-]/);
    const os = systems.find((system) => words.includes(system));
    const cpu = processors.find((processor) => words.includes(processor));
    if (os === undefined || cpu === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
      throw new Error(
        `${parentPath} names ${name}@${version}, which is no platform package: add it by hand.`,
      );
    }
    const libc = words.some((word) => word.startsWith('musl'))
      ? 'musl'
      : words.some((word) => word.startsWith('gnu'))
        ? 'glibc'
        : undefined;
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: [cpu],
      ...(parent.dev ? { dev: true } : {}),
      ...(os === 'linux' && libc !== undefined ? { libc: [libc] } : {}),
      optional: true,
      os: [os],
    };
    console.log(`added ${name}@${version}`);
  }
}

const [root, ...rest] = Object.entries(lock.packages);
lock.packages = Object.fromEntries([root, ...rest.sort(([a], [b]) => a.localeCompare(b, 'en'))]);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
