import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CfnResource } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { type PracticeStacks, practiceStacks } from '../practice-app.ts';
import { ReleaseError } from './release-error.ts';

/** The stacks of a silo in the order of deployment. */
export const components = ['foundation', 'data', 'service'] as const;
export type Component = (typeof components)[number];

/** "CloudFormation quotas": the largest template body that travels inline, in bytes. */
const inlineTemplateLimit = 51_200;

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

export interface Synthesis extends PracticeStacks {
  readonly templates: Readonly<Record<Component, SynthesisedTemplate>>;
}

/**
 * Synthesises the stacks into minified templates.
 * @throws ReleaseError when a template is larger than CloudFormation takes inline.
 */
export function synthesise(
  create: (outdir: string) => PracticeStacks = (outdir) => practiceStacks({ outdir }),
): Synthesis {
  const outdir = mkdtempSync(join(tmpdir(), 'lumenality-synthesis-'));
  try {
    const made = create(outdir);
    const assembly = made.app.synth();
    const template = (component: Component): SynthesisedTemplate => {
      const content = assembly.getStackArtifact(made.stacks[component].artifactId).template as TemplateBody;
      const body = JSON.stringify(content);
      const bytes = Buffer.byteLength(body);
      if (bytes > inlineTemplateLimit) {
        throw new ReleaseError(
          `The ${component} template has ${bytes} bytes; CloudFormation takes ${inlineTemplateLimit} inline. Move resources to another stack.`,
        );
      }
      return { body, template: content };
    };
    return {
      ...made,
      templates: { foundation: template('foundation'), data: template('data'), service: template('service') },
    };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** `<component>/<logical id>` of every resource, by construct path. */
export function resourceNames(made: PracticeStacks): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const component of components) {
    const stack = made.stacks[component];
    const visit = (construct: IConstruct): void => {
      if (CfnResource.isCfnResource(construct)) {
        names.set(construct.node.path, `${component}/${String(stack.resolve(construct.logicalId))}`);
      }
      for (const child of construct.node.children) visit(child);
    };
    visit(stack);
  }
  return names;
}
