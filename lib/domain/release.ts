import { z } from 'zod';

/** The stacks of a silo in the order of deployment: each takes the outputs of the ones before it. */
export const components = ['foundation', 'data', 'service'] as const;
export type Component = (typeof components)[number];

/** CloudFormation's limit for a template that travels inline ("CloudFormation quotas"), in bytes. */
export const inlineTemplateLimit = 51_200;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hexadecimal');

const templateParameterSchema = z.strictObject({
  name: z.string().min(1),
  /** CloudFormation's parameter type, for example `String`, `Number`, `CommaDelimitedList`. */
  type: z.string().min(1),
  default: z.string().optional(),
  allowedPattern: z.string().optional(),
  allowedValues: z.array(z.string()).optional(),
  description: z.string().optional(),
});

const releaseTemplateSchema = z.strictObject({
  /** Relative to the release directory. */
  file: z.string(),
  sha256,
  bytes: z.number().int().positive().max(inlineTemplateLimit),
  parameters: z.array(templateParameterSchema),
  outputs: z.array(z.string()),
});

/** `release.json`: one immutable release, as `npm run release:build` writes it. */
export const releaseManifestSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** `r-` and the first 12 digits of the content hash: the same content is the same release. */
  id: z.string().regex(/^r-[0-9a-f]{12}$/),
  /** SHA-256 over the canonical JSON of `{templates: {component: sha256}, image, appVersion, migration}`. */
  contentHash: sha256,
  appVersion: z.string(),
  /** Name of the newest database migration of the practice app. */
  migration: z.string(),
  image: z.strictObject({
    repository: z.string().regex(/^[a-z0-9]+([._/-][a-z0-9]+)*$/),
    digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  }),
  templates: z.strictObject({
    foundation: releaseTemplateSchema,
    data: releaseTemplateSchema,
    service: releaseTemplateSchema,
  }),
  compliance: z.strictObject({
    /** Relative to the release directory. */
    file: z.string(),
    sha256,
    acknowledged: z.number().int().nonnegative(),
    /** A release with an unexplained finding is not built. */
    unexplained: z.literal(0),
  }),
});
export type ReleaseManifest = z.infer<typeof releaseManifestSchema>;

/** What the control plane keeps of a release: the manifest and the bodies of its templates. */
export interface Release {
  readonly manifest: ReleaseManifest;
  readonly templates: Readonly<Record<Component, string>>;
}
