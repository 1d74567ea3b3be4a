import { type Practice, practicePageSchema, practiceSchema } from '../../control-api/contracts/practices.ts';
import { rolloutPageSchema } from '../../control-api/contracts/rollouts.ts';
import { type Run, runPageSchema, runSchema } from '../../control-api/contracts/runs.ts';
import { type SignUp, signUpPageSchema, signUpSchema } from '../../control-api/contracts/sign-ups.ts';
import type { ApiClient } from './api-client.ts';
import { CommandError, commandError } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';
import { clean, isUuid, shortIds } from './text.ts';

const everything = { limit: undefined };

/** A thing as people name it: by its id or a name, or by the start of either. */
interface Named {
  readonly id: string;
  readonly names: ReadonlyArray<string | null>;
  /** Shown when the name fits more than one. */
  readonly label: string;
}

/** Whether people would call both the same: "Sunrise ABA" and "sunrise-aba" are one name. */
const sameName = (one: string | null, other: string) => one !== null && slug(one) === slug(other);
const slug = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-');

/** Whether `start` begins the id or a name; nothing begins with nothing. */
const startsWith = ({ id, names }: Named, start: string) =>
  start.trim() !== '' &&
  (id.startsWith(start) || names.some((name) => name !== null && slug(name).startsWith(slug(start))));

/** The id that `text` stands for. @throws CommandError when there is none, or more than one. */
function pick(kind: string, text: string, candidates: readonly Named[]): string {
  const wanted = text.toLowerCase();
  const exact = candidates.filter(
    ({ id, names }) => id === wanted || names.some((name) => sameName(name, text)),
  );
  const found = exact.length > 0 ? exact : candidates.filter((each) => startsWith(each, wanted));
  const [first, ...others] = found;
  if (first === undefined) {
    throw commandError('not_found', `There is no ${kind} ${text}.`, {
      hint: `See \`npx lumenality ${kind.replace('sign-up', 'signup')} list --all\`.`,
    });
  }
  if (others.length === 0) return first.id;
  const short = shortIds(found.map(({ id }) => id));
  throw commandError('usage', `${text} fits ${found.length} ${kind}s: name one by its id.`, {
    hint: found.map(({ id, label }) => `  ${short.get(id)}  ${label}`).join('\n'),
  });
}

/**
 * A sign-up and its ETag, by id, display name or practice id, or by a unique start of one of them.
 * @param preferred where one name fits several, the ones in this state are meant (a practice may sign up again)
 */
export async function findSignUp(
  api: ApiClient,
  text: string,
  preferred: SignUp['state'] = 'requested',
): Promise<{ readonly body: SignUp; readonly etag: string | null }> {
  const id = isUuid(text) ? text.toLowerCase() : await searchSignUps(api, text, preferred);
  return api.getTagged(`/v1/signups/${id}`, signUpSchema);
}

async function searchSignUps(api: ApiClient, text: string, preferred: SignUp['state']): Promise<string> {
  const { items } = await api.list('/v1/signups', signUpPageSchema, everything);
  // Of several sign-ups by one name, the one that is still open stands for all.
  const open = new Set(
    items.filter(({ state }) => state === preferred).map(({ displayName }) => slug(displayName)),
  );
  const meant = items.filter(({ state, displayName }) => state === preferred || !open.has(slug(displayName)));
  const named = (signUp: SignUp): Named => ({
    id: signUp.id,
    names: [signUp.displayName, signUp.practiceId],
    label: `${clean(signUp.displayName)} (${signUp.state})`,
  });
  // An id, or the start of one, is nobody else's: it names also what stands back behind its namesake.
  const byId = items.filter(({ id }) => id.startsWith(text.toLowerCase()) && text !== '');
  return pick('sign-up', text, [...new Set([...meant, ...byId])].map(named));
}

/** A practice by id or display name, or by a unique start of either. */
export async function findPractice(api: ApiClient, text: string): Promise<Practice> {
  if (/^[a-z][a-z0-9-]{2,30}$/.test(text)) {
    const exact = await unlessMissing(api.get(`/v1/practices/${text}`, practiceSchema));
    if (exact !== undefined) return exact;
  }
  const { items } = await api.list('/v1/practices', practicePageSchema, everything);
  const id = pick(
    'practice',
    text,
    items.map((practice) => ({
      id: practice.id,
      names: [practice.displayName],
      label: `${clean(practice.displayName)} (${practice.state})`,
    })),
  );
  return api.get(`/v1/practices/${id}`, practiceSchema);
}

/** The id of the practice that a filter names, where it names one. */
export async function findPracticeId(api: ApiClient, text: string | undefined): Promise<string | undefined> {
  return text === undefined ? undefined : (await findPractice(api, text)).id;
}

/** Where people reach a practice. @throws CommandError while it waits for a cell, which gives it an address */
export function addressOf({ id, url }: Pick<Practice, 'id' | 'url'>): string {
  if (url !== null) return url;
  throw commandError('wrong_state', `Practice ${id} has no address yet: it waits for a cell with room.`, {
    hint: `See why with: npx lumenality practice show ${id}`,
  });
}

/** A run by id or unique start of an id, or the newest run of a practice by the practice's id or name. */
export async function findRun(api: ApiClient, text: string): Promise<Run> {
  if (isUuid(text)) return api.get(`/v1/runs/${text.toLowerCase()}`, runSchema);
  if (/^[0-9a-f][0-9a-f-]{3,}$/i.test(text)) {
    const { items } = await api.list('/v1/runs', runPageSchema, everything);
    const fits = items.filter(({ id }) => id.startsWith(text.toLowerCase()));
    if (fits.length > 0) {
      const named = fits.map((run) => ({ id: run.id, names: [], label: `${run.practiceId} (${run.state})` }));
      return api.get(`/v1/runs/${pick('run', text, named)}`, runSchema);
    }
  }
  const practice = await unlessMissing(findPractice(api, text));
  if (practice === undefined) {
    throw commandError('not_found', `There is no run ${text}, and no practice of that name.`, {
      hint: 'See `npx lumenality run list`.',
    });
  }
  return api.get(`/v1/runs/${latestRunOf(practice)}`, runSchema);
}

/** The id of a rollout, by it or a unique start of it. */
export async function findRollout(api: ApiClient, text: string): Promise<string> {
  if (isUuid(text)) return text;
  const { items } = await api.list('/v1/rollouts', rolloutPageSchema, everything);
  const named = items.map(({ id, releaseId, state }) => ({
    id,
    names: [],
    label: `${releaseId} (${state})`,
  }));
  return pick('rollout', text, named);
}

/**
 * The one of `items` whose id begins with `text`.
 * @param list the command that shows them all
 * @throws CommandError when there is none, or more than one
 */
export function pickById<Item extends { readonly id: string }>(
  kind: string,
  text: string,
  items: readonly Item[],
  list: string,
): Item {
  const found = items.filter(({ id }) => text !== '' && id.startsWith(text.toLowerCase()));
  const [item, ...others] = found;
  if (item !== undefined && others.length === 0) return item;
  const hint = `See \`npx lumenality ${list}\`.`;
  if (item === undefined) throw commandError('not_found', `There is no ${kind} ${text}.`, { hint });
  throw commandError('usage', `${text} fits ${found.length} ${kind}s: give more of the id.`, { hint });
}

/** @throws CommandError when nothing was ever run for the practice */
export function latestRunOf(practice: Practice): string {
  if (practice.latestRunId !== null) return practice.latestRunId;
  throw commandError('not_found', `Practice ${practice.id} has had no run yet.`);
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === exitCodes.notFound) return undefined;
    throw error;
  }
}
