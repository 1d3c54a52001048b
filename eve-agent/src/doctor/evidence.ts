import type { EveReplay } from './as-eve/replay.ts';
import type {
  BridgeSelection,
  ConnectionEvidence,
  Exchange,
  Given,
  LinkState,
  MulticastEvidence,
  Target,
  TlsEvidence,
  WholeFile,
} from './observations.ts';
import type { UrlForm } from './url-form.ts';

/** How many redirects in a row are followed: as many as a download follows. */
export const MAX_REDIRECTS = 5;

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
  readonly target: Target | null;
  readonly connection: ConnectionEvidence | null;
  readonly tls: TlsEvidence | null;
  /** Where redirects led, oldest first, to the datastore's own host alone. */
  readonly followed: readonly string[];
  /** A request for the file, left after its first bytes. */
  readonly whole: Exchange | null;
  /** A request for a later part of it. */
  readonly part: Exchange | null;
  readonly wholeFile: WholeFile | null;
  /** Only with `--as-eve`. */
  readonly eve: EveReplay | null;
}
