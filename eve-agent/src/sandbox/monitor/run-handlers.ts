// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { AuditSink } from '../audit/audit-entry.ts';
import { addressOf, namesIn } from '../sdk/key-address.ts';
import type { CalfManifest, KeyDeclaration, NamesOf } from '../sdk/manifest.ts';
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import type { KeyChange, KeyStore } from '../store/key-store.ts';

/** A key that a handler acts on, and what it holds now; null: the calf deleted it, or has ended. */
type HandledChange<Keys, Handler> = {
  [Name in keyof Keys]: Keys[Name] extends KeyDeclaration<infer Path, infer Value, 'write', Handler & string>
    ? { readonly key: Name; readonly value: Value | null; readonly names: NamesOf<Path> }
    : never;
}[keyof Keys];

type HandlerName<Keys> = {
  [Name in keyof Keys]: Keys[Name] extends KeyDeclaration<string, unknown, 'write', infer Handler>
    ? Extract<Handler, string>
    : never;
}[keyof Keys];

/**
 * What acts on the keys of a calf, by the names in its manifest: at once, as the calf may write as often as it likes. What
 * takes longer a handler begins, and looks after itself.
 */
export type HandlersOf<Manifest extends CalfManifest> = {
  readonly [Handler in HandlerName<Manifest['keys']>]: (
    change: HandledChange<Manifest['keys'], Handler>,
  ) => undefined;
};

export interface HandlerDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  readonly log: Log;
}

/** Whose keys count, and where they stand. */
export interface HandledCalf {
  readonly prefix: KeyPath;
  readonly actor: string;
}

type Handle = (change: object) => undefined;

/**
 * Lets handlers act on what a calf writes. A value that its key does not take reaches none. What came of each change
 * stands in the audit log: `ok`, `MALFORMED`, or `FAILED`.
 *
 * @returns what ends it
 */
export function runHandlers<Manifest extends CalfManifest>(
  { store, audit, log }: HandlerDeps,
  manifest: Manifest,
  { prefix, actor }: HandledCalf,
  handlers: HandlersOf<Manifest>,
): () => void {
  const byName = handlers as unknown as Readonly<Record<string, Handle>>;

  function attend(key: string, { path, value: codec, handler }: KeyDeclaration): () => void {
    const handle = handler === null ? undefined : byName[handler];
    if (handler === null || handle === undefined) return () => {};

    /** @returns the verdict, as the audit log has it */
    function act({ path: address, value: bytes }: KeyChange): string {
      const about = { process: actor, path: keyPathText(address), handler };
      const value = bytes === null ? null : codec.decode(bytes);
      if (bytes !== null && value === null) {
        log.debug(about, 'a process wrote what its key does not take');
        return 'MALFORMED';
      }
      try {
        handle?.({ key, value, names: namesIn(prefix, path, address) });
        return 'ok';
      } catch (error) {
        log.error({ ...about, reason: errorMessage(error) }, 'what a process wrote could not be acted on');
        return 'FAILED';
      }
    }

    return store.watch(keyPathText(addressOf(prefix, path, [])), (change) => {
      if (change.actor !== actor) return;
      const facts = { actor, op: 'handle', path: keyPathText(change.path), verdict: act(change), handler };
      audit.append(change.value === null ? facts : { ...facts, value: change.value });
    });
  }

  const ends = Object.entries(manifest.keys).map(([key, declaration]) => attend(key, declaration));
  return () => {
    for (const end of ends) end();
  };
}
