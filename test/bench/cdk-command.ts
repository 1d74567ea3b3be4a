import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sandboxDefaults } from '../../lib/config.ts';
import { type Component, components, type ReleaseManifest } from '../../lib/domain/release.ts';
import { parametersForShape } from '../../tenant-template/shapes.ts';
import type { Bench } from './benchmark.ts';
import { awsEnvironment } from './sandbox-process.ts';
import type { Environment, Workspace } from './workspace.ts';

/** Outputs of the stacks that a practice has so far. */
export type Outputs = Readonly<Record<string, string>>;

/** The CDK command line of this checkout, pointed at a sandbox. */
export class CdkCommand {
  readonly #workspace: Workspace;
  readonly #program: string;
  readonly #name: string;
  #manifest: ReleaseManifest;
  readonly #environment: Environment;
  readonly #assembly: string;

  /** @param name names its files. */
  constructor({ workspace, cdk }: Bench, name: string, endpoint: string, manifest: ReleaseManifest) {
    this.#workspace = workspace;
    this.#program = cdk;
    this.#name = name;
    this.#manifest = manifest;
    this.#assembly = workspace.folder(`${name}.out`);
    this.#environment = {
      ...awsEnvironment(endpoint),
      CI: 'true',
      // Its caches stay in the workspace, and it talks to nobody but the sandbox.
      CDK_HOME: workspace.folder(`${name}-home`),
      CDK_DISABLE_CLI_TELEMETRY: 'true',
    };
  }

  /** Synthesises the stacks of all these practices, once. */
  async synthesise(practices: readonly string[]): Promise<void> {
    const app = `node --import tsx ${join('test', 'bench', 'processes', 'cdk-app.ts')} ${practices.join(' ')}`;
    // Without the metadata that CDK adds for itself: with it the foundation, as the YAML that CDK sends, is too large to travel inline.
    const output = ['--output', this.#assembly, '--no-path-metadata', '--quiet'];
    await this.#run(`${this.#name}-synth`, ['synth', '--app', app, ...output]);
  }

  /** What is deployed from now on. */
  use(manifest: ReleaseManifest): void {
    this.#manifest = manifest;
  }

  /** Deploys a practice's three stacks one after the other, each with the outputs of the ones before it. */
  async deployPractice(practice: string): Promise<void> {
    let outputs: Outputs = {};
    for (const component of components) {
      const made = await this.deploy(component, new Map([[practice, outputs]]));
      outputs = { ...outputs, ...made.get(practice) };
    }
  }

  /**
   * One invocation that deploys one component of these practices, all at once.
   * @param practices the outputs so far of each.
   */
  async deploy(
    component: Component,
    practices: ReadonlyMap<string, Outputs>,
  ): Promise<ReadonlyMap<string, Outputs>> {
    const names = [...practices.keys()];
    const name = `${this.#name}-${names.length === 1 ? names[0] : 'all'}-${component}`;
    const outputsFile = join(this.#workspace.directory, `${name}.json`);
    const parameters = [...practices].flatMap(([practice, outputs]) =>
      Object.entries(this.#parametersOf(component, practice, outputs)).flatMap(([key, value]) => [
        '--parameters',
        `${practice}-${component}:${key}=${value}`,
      ]),
    );
    await this.#run(name, [
      'deploy',
      ...names.map((practice) => `${practice}/${component}`),
      ...options({
        app: this.#assembly,
        method: 'change-set',
        'require-approval': 'never',
        progress: 'events',
        concurrency: String(names.length),
        // The control plane tags each stack with its release, too: an update changes the tags of what is in it.
        tags: `lumenality:release=${this.#manifest.id}`,
        'outputs-file': outputsFile,
      }),
      '--exclusively',
      '--no-lookups',
      ...parameters,
    ]);
    const made = outputsSchema.parse(JSON.parse(await readFile(outputsFile, 'utf8')));
    return new Map(names.map((practice) => [practice, made[`${practice}-${component}`] ?? {}]));
  }

  /** What the template asks for: outputs of the stacks before it under the same name, or a fact of the practice. */
  #parametersOf(component: Component, practice: string, outputs: Outputs): Record<string, string> {
    const { image, id, templates } = this.#manifest;
    const known: Record<string, string> = {
      ...parametersForShape('solo'),
      PracticeId: practice,
      HostName: `${practice}.${sandboxDefaults.domain}`,
      HostedZoneId: sandboxDefaults.hostedZoneId,
      ReleaseId: id,
      ImageUri: `${sandboxDefaults.imageRegistry}/${image.repository}@${image.digest}`,
      ...outputs,
    };
    const wanted = templates[component].parameters.filter((parameter) => parameter.default === undefined);
    return Object.fromEntries(
      wanted.map(({ name }) => {
        const value = known[name];
        if (value === undefined) throw new Error(`Nothing gives ${name} to the ${component} stack.`);
        return [name, value];
      }),
    );
  }

  /** The installed program itself: `npx` would add its own start to every invocation. */
  #run(name: string, command: readonly string[]): Promise<void> {
    const quiet = ['--no-notices', '--no-color', '--no-version-reporting'];
    return this.#workspace.run(name, [this.#program, ...command, ...quiet], this.#environment);
  }
}

const outputsSchema = z.record(z.string(), z.record(z.string(), z.string()));

function options(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
}
