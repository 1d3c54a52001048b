import { isKeptPath } from './image-path.ts';

/** Named in a warning at most. */
const MAX_NAMED = 5;
/** How old what is told may be: to look at the names of very many images takes a while. */
const MAX_AGE_MS = 10_000;

/**
 * Tells of images that stand where the registry does, as a sentence.
 *
 * @param paths of all images
 * @returns undefined when there is none
 */
export function describeKeptNames(paths: Iterable<string>): string | undefined {
  const kept = [...paths].filter(isKeptPath);
  if (kept.length === 0) return undefined;
  const named = kept.slice(0, MAX_NAMED).map((path) => `/${path}`);
  const more = kept.length > MAX_NAMED ? ` and ${kept.length - MAX_NAMED} more` : '';
  return (
    `${named.join(', ')}${more}: "v2", all below it, "token", and what begins with "oci:" are kept for the registry. ` +
    'Below /v2/ and at /oci:… the registry answers in the place of images, and none of these can be replaced: move them to other names'
  );
}

/** {@link describeKeptNames} of what changes, looked at again every few seconds at most. */
export function watchKeptNames(deps: {
  paths(): Iterable<string>;
  /** Another one whenever the paths may be others. */
  revision(): string;
  nowMs(): number;
}): () => string | undefined {
  let told:
    | { readonly atMs: number; readonly revision: string; readonly text: string | undefined }
    | undefined;
  return () => {
    const atMs = deps.nowMs();
    const revision = deps.revision();
    if (told === undefined || (atMs - told.atMs >= MAX_AGE_MS && told.revision !== revision)) {
      told = { atMs, revision, text: describeKeptNames([...deps.paths()].filter(isKeptPath).sort()) };
    }
    return told.text;
  };
}
