// SPDX-License-Identifier: Apache-2.0
import type { EveReplay } from './as-eve/replay.ts';
import type {
  BridgeSelection,
  ConnectionEvidence,
  Exchange,
  Given,
  ImageOutcome,
  LinkState,
  MulticastEvidence,
  OtherHost,
  Target,
  TlsEvidence,
  WholeFile,
} from './observations.ts';
import type { UrlForm } from './url-form.ts';

/** Everything that was probed; null: not asked, because something before it failed or it was not wanted. */
export interface Evidence {
  /** This host's clock when the probing began. */
  readonly probedAtMs: number;
  readonly form: UrlForm;
  readonly given: Given;
  /** Null: the system has no `ip` command. */
  readonly links: readonly LinkState[] | null;
  readonly bridges: BridgeSelection;
  readonly multicast: MulticastEvidence | null;
  /** Where a download finds the datastore. */
  readonly target: Target | null;
  /** Why it does not; null: it does, or did not look. */
  readonly notFound: string | null;
  readonly connection: ConnectionEvidence | null;
  readonly tls: TlsEvidence | null;
  /** What was asked for is an image in a registry, of which a blob stands for the file; null: it is a file. */
  readonly image: {
    /** The full name. */
    readonly name: string;
    readonly repository: string;
    readonly tag: string | null;
    readonly outcome: ImageOutcome | null;
  } | null;
  /** Where redirects led that a download follows, oldest first. */
  readonly followed: readonly string[];
  /** The redirect that it does not follow, and why; null: none. */
  readonly refusedRedirect: { readonly location: string; readonly why: string } | null;
  /** A request for the file, left after its first bytes. */
  readonly whole: Exchange | null;
  /** A request for a later part of it. */
  readonly part: Exchange | null;
  readonly wholeFile: WholeFile | null;
  /** Who else answers to the name; a download may come to any of them. */
  readonly otherHosts: readonly OtherHost[];
  /** Only with `--as-eve`. */
  readonly eve: EveReplay | null;
}
