// SPDX-License-Identifier: Apache-2.0
import type { ContentTreeStatus, Hold } from '@local-datastore/shared/eve/content-tree-status';
import type { Actual, ContentActual, Failure, LinkFailure, OriginState } from './actual.ts';
import { type DesiredTree, isOfSize, type Part } from './desired.ts';
import type { FailureCode } from './judge-failure.ts';
import { isSilent } from './outcome.ts';
import type { ContentState } from './transitions.ts';
import { type TreeView, viewTree } from './tree-view.ts';

/** What the documents are made from, beside the tree itself. */
export interface StatusFacts {
  readonly actual: Actual;
  /** How many trees have the content. */
  readonly refCount: number;
  /** How much space content lacks, and since when (milliseconds since the epoch); undefined: none. */
  lackOf(sha256: string): { readonly bytes: number; readonly sinceMs: number } | undefined;
  /** When the configuration came, in milliseconds since the epoch. */
  readonly configuredAtMs: number;
  /** Where the tree's name leads to its content; '' where it does not, or not yet. */
  readonly fileLocation: string;
  /** Why the name does not lead there. */
  readonly linkFailure: LinkFailure | undefined;
  /** The clock of the waits, and the time since the epoch at the same moment. */
  readonly nowMs: number;
  readonly wallMs: number;
}

const timeText = (atMs: number) => new Date(atMs).toISOString();

interface Shown {
  readonly failure: Failure | null;
  readonly condition: string;
}

function retryCondition(waitUntilMs: number, { nowMs, wallMs }: StatusFacts): string {
  // To the second: otherwise the text would differ each time it is made.
  const atMs = Math.round((wallMs + waitUntilMs - nowMs) / 1000) * 1000;
  return waitUntilMs > nowMs ? `tries again at ${timeText(atMs)}` : '';
}

/** What else ends a wait that may be long. */
function alsoTried({ sources }: Part, shown: Failure | null): string {
  if (shown?.severity !== 'SEVERITY_ERROR') return '';
  const isHeard = sources.some(({ isLocal }) => isLocal);
  return `${isHeard ? ', at once when its datastore announces itself' : ''}, or with "eve-agent retry"`;
}

/** Whether what a datastore failed with says more than what a tree itself met there. */
function isWorthMore(origin: OriginState, failure: Failure, own: Failure | null): boolean {
  return own === null || (failure.atMs > own.atMs && !isSilent(origin));
}

/** What a part's own sources failed with last, since anything came of it. */
function ownFailure({ sources }: Part, content: ContentActual): Failure | null {
  if (content.failure === null) return null;
  let own: Failure | null = null;
  for (const { key } of sources) {
    const failure = content.sources.get(key)?.failure ?? null;
    if (failure !== null && failure.atMs >= (own?.atMs ?? 0)) own = failure;
  }
  return own;
}

/** What is to be said of a tree that is not where it should be. */
function findFailure(view: TreeView | null, facts: StatusFacts): Shown {
  const { configuredAtMs, actual } = facts;
  const fresh = (code: FailureCode, message: string, atMs = configuredAtMs): Failure => ({
    code,
    message,
    atMs,
    severity: 'SEVERITY_ERROR',
  });
  if (view === null) {
    const message = 'content without a sha256 comes from datastores of dType DsContainerRegistry only';
    return { failure: fresh('NOT_SUPPORTED', message), condition: '' };
  }
  const { part, content } = view.shown;
  const { tree } = part;
  if (content.state === 'VERIFIED') {
    if (isOfSize(part, content.totalBytes)) {
      const { linkFailure } = facts;
      if (linkFailure === undefined) return { failure: null, condition: '' };
      return { failure: linkFailure.failure, condition: retryCondition(linkFailure.waitUntilMs, facts) };
    }
    const message = `the content has ${content.totalBytes} bytes, not the ${part.sizeBytes} of ${tree.image === null ? 'maxSizeBytes' : 'its manifest'}`;
    return { failure: fresh('SIZE_MISMATCH', message), condition: '' };
  }
  if (content.state === 'DOWNLOADED' && content.failure !== null)
    return {
      failure: content.failure,
      condition: retryCondition(content.promotionWaitUntilMs, facts),
    };
  if (part.sources.length === 0)
    return { failure: fresh('CONFIGURATION_INVALID', tree.problems.join('; ')), condition: '' };
  const lack = facts.lackOf(part.sha256);
  if (lack !== undefined) {
    const message = `waits for space: ${lack.bytes} more bytes must be free`;
    return {
      failure: fresh('NO_SPACE', message, lack.sinceMs),
      condition: 'tries again when there is space',
    };
  }
  let shown = ownFailure(part, content);
  if (content.activity?.kind === 'download') return { failure: shown, condition: '' };
  let waitUntilMs = Number.POSITIVE_INFINITY;
  for (const { key, originKey } of part.sources) {
    const [source, origin] = [content.sources.get(key), actual.origins.get(originKey)];
    waitUntilMs = Math.min(waitUntilMs, Math.max(source?.waitUntilMs ?? 0, origin?.waitUntilMs ?? 0));
    if (origin?.failure && isWorthMore(origin, origin.failure, shown)) shown = origin.failure;
  }
  const condition = shown === null ? '' : retryCondition(waitUntilMs, facts);
  if (condition === '' && shown?.code === 'TOO_SLOW')
    return { failure: shown, condition: 'goes on when nobody else needs its slot' };
  return { failure: shown, condition: condition && `${condition}${alsoTried(part, shown)}` };
}

function retryCountOf(tree: DesiredTree, view: TreeView, { actual }: StatusFacts): number {
  const origins = new Set(tree.sources.map(({ originKey }) => originKey));
  let count = view.retryCount;
  if (view.state !== 'VERIFIED')
    for (const origin of origins) count += actual.origins.get(origin)?.retryCount ?? 0;
  return count;
}

function percentOf({ state, currentBytes, totalBytes }: TreeView): number {
  if (state === 'VERIFIED') return 100;
  // 100 only when nothing is missing.
  return totalBytes === null || totalBytes === 0 ? 0 : Math.floor((currentBytes * 100) / totalBytes);
}

/** Who waits for VERIFIED finds the file: until the tree's name leads there, its content alone is verified. */
function stateOf(view: TreeView | null, fileLocation: string, hold: Hold): ContentState {
  if (view?.state !== 'VERIFIED' || fileLocation !== '') return view?.state ?? 'INITIAL';
  return hold === 'cancelled' ? 'INITIAL' : 'VERIFYING';
}

/** What a tree's content is named by; of an image, as of EVE, what its tag led to. */
function sha256Of({ sha256, image }: DesiredTree): string {
  if (sha256 !== null || image?.resolved == null) return sha256 ?? '';
  const { digest, manifest } = image.resolved.resolution;
  return /^sha256:(.*)$/.exec(digest)?.[1] ?? manifest.sha256;
}

/** The status of one content tree, with EVE's names. */
export function statusDocument(desired: DesiredTree, facts: StatusFacts): ContentTreeStatus {
  const { tree, uuid, datastoreIds } = desired;
  const view = viewTree(desired, facts.actual, (sha256) => facts.lackOf(sha256) !== undefined);
  const hold: Hold = facts.actual.holds.get(uuid) ?? 'none';
  const { failure, condition } = findFailure(view, facts);
  const isHeld = hold !== 'none' && view?.state !== 'VERIFIED';
  const totalBytes = view?.totalBytes ?? (desired.image === null ? desired.sizeBytes : 0);
  const isWhole = view?.state === 'VERIFIED' && isOfSize(view.shown.part, view.shown.content.totalBytes);
  const fileLocation = isWhole ? facts.fileLocation : '';
  return {
    ContentID: uuid,
    DisplayName: tree.displayName ?? '',
    DatastoreIDList: [...datastoreIds],
    DatastoreID: view?.datastoreId ?? '',
    RelativeURL: tree.URL,
    Format: tree.iformat,
    ContentSha256: sha256Of(desired),
    MaxDownloadSize: desired.sizeBytes,
    GenerationCounter: tree.generationCount ?? 0,
    State: stateOf(view, fileLocation, hold),
    Progress: view === null ? 0 : percentOf(view),
    CurrentSize: view?.currentBytes ?? 0,
    TotalSize: totalBytes,
    ReservedSpace: view?.isActive ? Math.max(totalBytes - view.currentBytes, 0) : 0,
    FileLocation: fileLocation,
    RefCount: facts.refCount,
    LastUse: view === null ? '' : timeText(view.lastUseMs),
    RetryCount: view === null ? 0 : retryCountOf(desired, view, facts),
    Error: failure?.message ?? '',
    ErrorTime: failure === null ? '' : timeText(failure.atMs),
    ErrorSeverity: failure?.severity ?? 'SEVERITY_UNSPECIFIED',
    ErrorRetryCondition: isHeld ? `waits for "eve-agent resume ${uuid}"` : condition,
    ErrorCode: failure?.code ?? '',
    Hold: hold,
    DownloadID: view?.downloadId ?? '',
  };
}
