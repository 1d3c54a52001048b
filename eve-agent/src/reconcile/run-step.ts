// SPDX-License-Identifier: Apache-2.0
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import type { ImageFolder } from '../content/image-folders.ts';
import { type ContentActual, type Failure, originStateOf } from './actual.ts';
import { judgeFailure } from './judge-failure.ts';
import { recordOriginFailure } from './outcome.ts';
import type { Step } from './plan.ts';
import { promote } from './promote.ts';
import { runDownload, SlotYielded } from './run-download.ts';
import { runResolution } from './run-resolution.ts';
import { advance, outcomeFacts, type Runtime } from './runtime.ts';
import { recheck } from './scrub.ts';
import type { Source } from './source.ts';

async function probe(runtime: Runtime, source: Source, signal: AbortSignal): Promise<void> {
  const origin = originStateOf(runtime.actual, source);
  origin.status = 'probing';
  try {
    await runtime.deps.probe(source.url, signal);
    origin.status = 'found';
  } catch (error) {
    origin.status = 'unknown';
    if (signal.aborted) return;
    const judgement = judgeFailure(error);
    runtime.deps.tally.noteFailure(judgement.code);
    const waitMs = recordOriginFailure(origin, judgement, outcomeFacts(runtime));
    const fields = { datastore: origin.origin, code: judgement.code, reason: judgement.message, waitMs };
    runtime.deps.log.warn(fields, 'the datastore does not answer');
  }
  runtime.touchOrigin(origin.origin);
  runtime.replan();
}

/** A file that was whole when an earlier run ended: its digest decides. */
async function verify(runtime: Runtime, content: ContentActual): Promise<void> {
  const { store, hashFile, log } = runtime.deps;
  const { sha256 } = content;
  const abort = new AbortController();
  content.activity = { kind: 'verify', abort };
  advance(runtime, content, 'verification-started');
  try {
    const found = await hashFile(store.pendingPath(sha256), abort.signal, digestOfHex(sha256).algorithm);
    if (found.hex === sha256) {
      if (await promote(runtime, content)) log.info({ sha256, trees: runtime.treesOf(sha256) }, 'verified');
    } else {
      await store.remove(sha256);
      content.currentBytes = 0;
      advance(runtime, content, 'digest-differed');
      log.warn({ sha256, found: found.hex }, 'a waiting file has another digest: it is fetched again');
    }
  } catch (error) {
    advance(runtime, content, 'attempt-ended');
    if (!abort.signal.aborted)
      log.error({ sha256, reason: errorMessage(error) }, 'a waiting file cannot be verified');
  } finally {
    content.activity = null;
    runtime.touchContent(sha256);
    runtime.replan();
  }
}

async function remove(runtime: Runtime, content: ContentActual): Promise<void> {
  const { store, log, clock } = runtime.deps;
  const { sha256 } = content;
  const trees = runtime.treesOf(sha256);
  content.activity = { kind: 'remove', abort: new AbortController() };
  const release = () => {
    content.activity = null;
    runtime.touchContent(sha256);
    runtime.replan();
  };
  try {
    await store.remove(sha256);
    log.info({ sha256, freedBytes: content.currentBytes, trees }, 'content removed');
    content.currentBytes = 0;
    if (content.state === 'VERIFIED' || content.state === 'DOWNLOADED')
      advance(runtime, content, 'content-lost');
    // A configuration may have asked for it again meanwhile.
    if (content.unreferencedAtMs !== null) runtime.actual.contents.delete(sha256);
    release();
  } catch (error) {
    log.error({ sha256, reason: errorMessage(error) }, 'content cannot be removed');
    clock.after(runtime.options.schedule.steadyMs, release);
  }
}

/** What a name is to lead to: a file by its digest, or an image; null: nothing. */
type Wanted = { readonly sha256: string } | ImageFolder | null;

/** @throws Error when a link would replace something of somebody else's that is not the same */
async function requireNothingForeign(
  { actual, deps }: Runtime,
  name: string,
  wanted: NonNullable<Wanted>,
  signal: AbortSignal,
): Promise<void> {
  if (actual.givenNames.has(name)) return;
  const there = await deps.store.whatStandsAt(name);
  if (there === 'nothing') return;
  const isTheSame =
    there !== 'other' &&
    ('mark' in there
      ? 'mark' in wanted && there.mark === wanted.mark
      : 'sha256' in wanted &&
        there.sizeBytes === actual.contents.get(wanted.sha256)?.totalBytes &&
        (await deps.hashFile(deps.store.linkPath(name), signal)).hex === wanted.sha256);
  if (!isTheSame) throw new Error('something stands there that this service did not put there: move it away');
}

const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT']);

async function rename(runtime: Runtime, name: string, wanted: Wanted, signal: AbortSignal): Promise<void> {
  const { actual, deps, options } = runtime;
  const { steadyMs } = options.schedule;
  const sha256 = wanted === null ? undefined : 'sha256' in wanted ? wanted.sha256 : wanted.blobs[0];
  actual.busyNames.add(name);
  try {
    if (wanted === null) {
      await deps.store.unlink(name);
      actual.links.delete(name);
      actual.givenNames.delete(name);
    } else {
      await requireNothingForeign(runtime, name, wanted, signal);
      if ('sha256' in wanted) await deps.store.link(name, wanted.sha256);
      else await deps.store.linkImage(name, wanted);
      actual.links.set(name, 'sha256' in wanted ? wanted.sha256 : wanted.mark);
      actual.givenNames.add(name);
    }
    actual.linkFailures.delete(name);
  } catch (error) {
    const reason = errorMessage(error);
    const failure: Failure = {
      // A copy, and the folder of an image, take room of their own.
      code: OUT_OF_SPACE.has(systemErrorCode(error) ?? '') ? 'NO_SPACE' : 'TARGET_UNWRITABLE',
      message: `${deps.store.linkPath(name)} cannot be ${wanted === null ? 'removed' : 'made'}: ${reason}`,
      atMs: deps.wallMs(),
      severity: 'SEVERITY_ERROR',
    };
    deps.tally.noteFailure(failure.code);
    actual.linkFailures.set(name, { failure, waitUntilMs: deps.clock.nowMs() + steadyMs });
    deps.log.error({ name, sha256, reason }, 'a name cannot be given to verified content');
  }
  if (sha256 !== undefined) runtime.touchContent(sha256);
  actual.busyNames.delete(name);
  runtime.namesChanged();
  runtime.replan();
}

/**
 * Does one step of a plan. What it changes is marked before the first wait, so that the next plan sees it.
 *
 * Never rejects: what goes wrong is recorded, and planned around.
 */
export async function runStep(runtime: Runtime, step: Step, signal: AbortSignal): Promise<void> {
  if (step.kind === 'probe') return await probe(runtime, step.source, signal);
  if (step.kind === 'link') return await rename(runtime, step.name, { sha256: step.sha256 }, signal);
  if (step.kind === 'link-image') return await rename(runtime, step.name, step.image, signal);
  if (step.kind === 'unlink') return await rename(runtime, step.name, null, signal);
  const content = runtime.actual.contents.get(step.sha256);
  if (content === undefined) return;
  switch (step.kind) {
    case 'download': {
      const { registry } = step.source;
      if (registry?.kind === 'image') return await runResolution(runtime, step.source, registry, content);
      return await runDownload(runtime, step, content);
    }
    case 'stop':
      content.activity?.abort.abort(new Error('no longer wanted'));
      return;
    case 'yield':
      content.activity?.abort.abort(new SlotYielded());
      return;
    case 'verify':
      return await verify(runtime, content);
    case 'recheck':
      return await recheck(runtime, content, signal);
    case 'remove':
      return await remove(runtime, content);
  }
}
