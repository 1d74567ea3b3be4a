import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, CfnResource, type Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { type PracticeStacks, practiceStacks } from '../practice-app.ts';
import { ReleaseError } from './release-error.ts';

/** The stacks of a silo in the order of deployment. */
export const components = ['foundation', 'data', 'service'] as const;
export type Component = (typeof components)[number];

/** "CloudFormation quotas": the largest template body that travels inline, in bytes. */
const inlineTemplateLimit = 51_200;

/** "DescribeStackResources" answers with the first so many and does not say that there are more: what it leaves out would never be removed. */
const describedResourcesLimit = 100;

interface ParameterDeclaration {
  readonly Type: string;
  readonly Default?: string | number;
  readonly AllowedPattern?: string;
  readonly AllowedValues?: ReadonlyArray<string | number>;
  readonly Description?: string;
}

/** What a template declares, as far as a release cares. */
interface TemplateBody {
  readonly Parameters?: Readonly<Record<string, ParameterDeclaration>>;
  readonly Resources: Readonly<Record<string, { readonly Type: string }>>;
  readonly Outputs?: Readonly<Record<string, unknown>>;
}

export interface SynthesisedTemplate {
  /** Minified JSON: exactly what CloudFormation will get. */
  readonly body: string;
  readonly template: TemplateBody;
}

/** Stacks of one app and what came of them, under the names that findings and files have. */
export interface Synthesised<Name extends string> {
  readonly app: App;
  readonly stacks: Readonly<Record<Name, Stack>>;
  readonly templates: Readonly<Record<Name, SynthesisedTemplate>>;
}

export type Synthesis = PracticeStacks & Synthesised<Component>;

/** Synthesises the stacks of a silo. */
export function synthesise(
  create: (outdir: string) => PracticeStacks = (outdir) => practiceStacks({ outdir }),
): Synthesis {
  return synthesiseStacks<Component, PracticeStacks>(create);
}

/**
 * Synthesises stacks into minified templates.
 * @throws ReleaseError when a template is larger than CloudFormation takes inline, or has more resources than it describes at once.
 */
export function synthesiseStacks<
  Name extends string,
  Made extends { readonly app: App; readonly stacks: Readonly<Record<Name, Stack>> },
>(create: (outdir: string) => Made): Made & Synthesised<Name> {
  const outdir = mkdtempSync(join(tmpdir(), 'lumenality-synthesis-'));
  try {
    const made = create(outdir);
    const assembly = made.app.synth();
    const entries = Object.entries<Stack>(made.stacks).map(([name, stack]) => {
      const template = assembly.getStackArtifact(stack.artifactId).template as TemplateBody;
      const body = JSON.stringify(template);
      const bytes = Buffer.byteLength(body);
      if (bytes > inlineTemplateLimit) {
        throw new ReleaseError(
          `The ${name} template has ${bytes} bytes; CloudFormation takes ${inlineTemplateLimit} inline. Move resources to another stack.`,
        );
      }
      const resources = Object.keys(template.Resources).length;
      if (resources > describedResourcesLimit) {
        throw new ReleaseError(
          `The ${name} template has ${resources} resources; CloudFormation describes ${describedResourcesLimit} of a stack. Move resources to another stack.`,
        );
      }
      return [name, { body, template }] as const;
    });
    return { ...made, templates: Object.fromEntries(entries) as Record<Name, SynthesisedTemplate> };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** `<component>/<logical id>` of every resource, by construct path. */
export function resourceNames(stacks: Readonly<Record<string, Stack>>): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, stack] of Object.entries(stacks)) {
    const visit = (construct: IConstruct): void => {
      if (CfnResource.isCfnResource(construct)) {
        names.set(construct.node.path, `${name}/${String(stack.resolve(construct.logicalId))}`);
      }
      for (const child of construct.node.children) visit(child);
    };
    visit(stack);
  }
  return names;
}
