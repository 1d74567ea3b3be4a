import { z } from 'zod';
import { DomainError } from './errors.ts';

/** Claims that say whose pipeline it is. Everybody on GitHub or GitLab gets tokens of the same issuer: one of these sets ours apart. */
const identifying = ['repository', 'repository_id', 'project_path', 'project_id', 'sub'];
/** Claims that say what was built. Without one, whoever may open a pull request would be trusted. */
const restricting = ['ref', 'ref_path', 'sub'];
/** Of GitHub, claims that say which workflow asks: any other of the repository is somebody else's work. */
const workflows = ['job_workflow_ref', 'workflow_ref', 'workflow'];

/** "OpenID Connect", docs.github.com: github.com, an enterprise's own address of it, and GitHub Enterprise Server. */
const githubIssuer =
  /^https:\/\/(token\.actions\.githubusercontent\.com|token\.actions\.[^/]+\.ghe\.com|[^/]+\/_services\/token)(\/|$)/;
const githubProjects = ['repository', 'repository_id'];

const text = z.string('must be text').min(1, 'must not be empty').max(500, 'must be 500 characters or fewer');

const claimsSchema = z
  .record(z.string(), z.union([text, z.array(text).min(1)], 'must be text, or a list of texts'))
  .superRefine((claims, context) => {
    const names = Object.keys(claims);
    const refuse = (path: readonly string[], message: string) =>
      context.addIssue({ code: 'custom', path: [...path], message });
    if (!names.some((name) => identifying.includes(name))) {
      refuse([], `must name the project by one of ${identifying.join(', ')}: the issuer serves others too`);
    }
    if (!names.some((name) => restricting.includes(name))) {
      refuse([], `must name what is built by one of ${restricting.join(', ')}`);
    }
    for (const name of names.filter((each) => restricting.includes(each) || workflows.includes(each))) {
      if ([claims[name]].flat().some((value) => /^[*/]*$/.test(value ?? ''))) {
        refuse([name], 'must say more than *: as it is, any would do');
      }
    }
    for (const name of names.filter((each) => identifying.includes(each))) {
      if ([claims[name]].flat().some((value) => value?.includes('*'))) {
        refuse([name], 'must be given in full, without *: a pattern could fit a project of somebody else');
      }
    }
  });

const entrySchema = z
  .strictObject({
    /** For messages and the audit trail. */
    name: text.max(80, 'must be 80 characters or fewer'),
    issuer: text.refine(
      isIssuer,
      'must be the https address of the issuer, as its tokens say it in iss (http on this machine only)',
    ),
    audience: text,
    claims: claimsSchema,
  })
  .superRefine(({ issuer, claims }, context) => {
    const names = Object.keys(claims);
    const isOfGithub = githubIssuer.test(issuer) || names.some((name) => githubProjects.includes(name));
    if (!isOfGithub || names.some((name) => workflows.includes(name))) return;
    const message = `must name the workflow by one of ${workflows.join(', ')}`;
    context.addIssue({ code: 'custom', path: ['claims'], message });
  });

/** A pipeline that may sign in: whose token, meant for whom, and what each named claim must be. */
export type CiTrust = Readonly<z.infer<typeof entrySchema>>;

const trustSchema = z
  .strictObject({ trusted: z.array(entrySchema).min(1, 'must hold one entry or more') })
  .superRefine(({ trusted }, context) => {
    for (const [place, { name }] of trusted.entries()) {
      if (trusted.findIndex((other) => other.name === name) === place) continue;
      // A token goes by its entry's name: as long as that stands it can be renewed.
      context.addIssue({
        code: 'custom',
        path: ['trusted', place, 'name'],
        message: 'is another entry’s name',
      });
    }
  });

/**
 * The allow-list as JSON: `{"trusted": [{name, issuer, audience, claims: {name: value | [values]}}]}`. In a value `*` stands
 * for any characters but `/`.
 * @throws DomainError `configuration`, naming entry and field.
 */
export function parseCiTrust(json: string, source: string): readonly CiTrust[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw refusal(source, [`it is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`]);
  }
  const parsed = trustSchema.safeParse(value);
  if (parsed.success) return parsed.data.trusted;
  throw refusal(
    source,
    parsed.error.issues.map(({ path, message }) => `${placeOf(path)}: ${message}`),
  );
}

/** `trusted[0].claims.repository` */
function placeOf(path: readonly PropertyKey[]): string {
  const place = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return place.replace(/^\./, '') || 'the whole file';
}

function refusal(source: string, problems: readonly string[]): DomainError {
  return new DomainError(
    'configuration',
    `LUMENALITY_CI_TRUST is not usable: ${source}\n${problems.map((line) => `  ${line}`).join('\n')}\nSee docs/ci.md for an example.`,
  );
}

function isIssuer(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, search, hash } = new URL(address);
  if (search !== '' || hash !== '') return false;
  return (
    protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
  );
}

/** What a token says of itself, its signature verified. */
export interface TokenClaims {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

export type Verdict =
  | { readonly trusted: CiTrust }
  /** `claim` is what differs of the entry that fits best; undefined when the project itself is not trusted. */
  | {
      readonly trusted: undefined;
      readonly nearest: CiTrust | undefined;
      readonly claim: string | undefined;
    };

/** Which entry of the allow-list lets a token in: the first whose every claim fits. */
export function judgeToken(entries: readonly CiTrust[], token: TokenClaims): Verdict {
  const ofIssuer = entries.filter(
    ({ issuer, audience }) => issuer === token.issuer && token.audiences.includes(audience),
  );
  const judged = ofIssuer.map((entry) => ({
    entry,
    misfits: Object.keys(entry.claims).filter((name) => !fits(entry.claims[name] ?? [], token.claims[name])),
  }));
  const match = judged.find(({ misfits }) => misfits.length === 0);
  if (match !== undefined) return { trusted: match.entry };
  const nearest = judged
    .filter(({ misfits }) => !misfits.some((name) => identifying.includes(name)))
    .sort((a, b) => a.misfits.length - b.misfits.length)[0];
  return { trusted: undefined, nearest: nearest?.entry, claim: nearest?.misfits[0] };
}

function fits(wanted: string | readonly string[], actual: unknown): boolean {
  if (!['string', 'number', 'boolean'].includes(typeof actual)) return false;
  const value = String(actual);
  return [wanted].flat().some((pattern) => asExpression(pattern).test(value));
}

function asExpression(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]*')}$`, 's');
}
