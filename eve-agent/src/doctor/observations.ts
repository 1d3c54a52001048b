// SPDX-License-Identifier: Apache-2.0
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type { Bridge } from '../discovery/bridges.ts';
import type { DatagramVerdict } from '../discovery/datagram-filter.ts';
import type { DnsMessage } from '../discovery/dns-message.ts';
import type { HeaderFields } from '../transfer/validators.ts';
import type { WireMessage } from './as-eve/wire-message.ts';

/** What there is to compare with. */
export interface Given {
  /** Of a file as the user has it, of an image's blob as the manifest has it. */
  readonly digest: OciDigest | null;
  readonly sizeBytes: number | null;
  /** Whether `--ca` named the roots. */
  readonly hasCa: boolean;
  readonly hasAuthorization: boolean;
}

/** A network interface as the kernel knows it, up or not. */
export interface LinkState {
  readonly name: string;
  readonly isBridge: boolean;
  readonly isUp: boolean;
  /** False for a bridge without a port that is up. */
  readonly hasCarrier: boolean;
  /** With the prefix length. */
  readonly ipv4: readonly string[];
}

export type BridgeSelection =
  | { readonly kind: 'selected'; readonly bridges: readonly Bridge[] }
  /** There is none to ask on. */
  | { readonly kind: 'none'; readonly message: string }
  /** The host is not found by multicast DNS. */
  | { readonly kind: 'not-needed' };

/** A datagram from somebody else on the mDNS port. Nothing in it can be trusted. */
export interface HeardDatagram {
  readonly source: string;
  readonly sourcePort: number;
  /** The one whose subnet holds the source; null: none does. */
  readonly bridge: Bridge | null;
  /** What a search makes of it before it is decoded. */
  readonly verdict: DatagramVerdict;
  /** Null: not a DNS response. */
  readonly message: DnsMessage | null;
  /** The same, as the strict parser that EVE uses reads it; a text: why it discards the datagram. */
  readonly wire: WireMessage | string;
}

/** A host in a bridge's subnet that the kernel has a link address of, and that was not heard. */
export interface SilentNeighbour {
  readonly address: string;
  /** Whether a connection to the URL's port was accepted. */
  readonly isServing: boolean;
  /** Whether it answered a multicast DNS question that was sent to it alone. */
  readonly answersUnicast: boolean;
}

/** How multicast went on one bridge. */
export interface BridgeHearing {
  readonly bridge: Bridge;
  /** The system's refusal to join or to send; null: none. */
  readonly sendError: string | null;
  /** Whether our own question came back to our own socket, as the kernel loops multicasts. */
  readonly isOwnQuestionHeard: boolean;
  /** Datagrams from others. */
  readonly heardCount: number;
  readonly silentNeighbours: readonly SilentNeighbour[];
}

export interface MulticastEvidence {
  /** The name that was asked for, in Unicode, without the root. */
  readonly host: string;
  readonly listenMs: number;
  /** Why UDP port 5353 could not be had, and who holds it; questions then went out from another port. */
  readonly portRefusal?: string;
  readonly hearings: readonly BridgeHearing[];
  /** In the order of arrival; bounded. */
  readonly heard: readonly HeardDatagram[];
}

/** Where the datastore is taken to be. */
export interface Target {
  /** With the address in place of a `.local` name. */
  readonly url: URL;
  /** Null: not found by multicast DNS. */
  readonly location: { readonly address: string; readonly bridge: Bridge } | null;
}

export type ConnectionEvidence =
  | { readonly kind: 'open' }
  | {
      /** `unknown-host`: a name service says that there is none. */
      readonly kind: 'refused' | 'timeout' | 'unreachable' | 'unknown-host' | 'failed';
      readonly message: string;
    };

export interface TlsEvidence {
  /** Null: there was no handshake; `handshakeError` says why. */
  readonly certificate: {
    readonly subject: string;
    readonly issuer: string;
    readonly subjectAltName: string;
    readonly validFromMs: number;
    readonly validToMs: number;
    readonly isForAddress: boolean;
    /** Whether it is for the name in the URL. */
    readonly isForName: boolean;
  } | null;
  readonly handshakeError: string | null;
  /** Whether what listens there speaks no TLS. */
  readonly isPlain: boolean;
  /** The code of what is wrong with the chain, such as `UNABLE_TO_VERIFY_LEAF_SIGNATURE`. */
  readonly chainError: string | null;
}

/** A request that was answered, or why not. */
export type Exchange =
  | {
      readonly kind: 'answered';
      readonly statusCode: number;
      readonly headers: HeaderFields;
      /** The byte that was asked for on; null: no range. */
      readonly rangeStart: number | null;
      readonly receivedAtMs: number;
    }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | null };

export type WholeFile =
  | { readonly kind: 'read'; readonly sizeBytes: number; readonly digest: OciDigest }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | null };

/** Another host that answers to the name, and whether the file comes from there, too. */
export interface OtherHost {
  readonly address: string;
  readonly bridge: Bridge;
  readonly isServing: boolean;
}

/** What a registry says that a name leads to, or why it does not. */
export type ImageOutcome =
  | {
      readonly kind: 'resolved';
      /** What the tag leads to: of an image for several platforms their index. */
      readonly digest: string;
      readonly manifestDigest: string;
      /** Null: nobody states one. */
      readonly platform: string | null;
      readonly blobs: number;
      readonly sizeBytes: number;
    }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly code: string | null;
      /** Null: it was not the answer of a server that failed. */
      readonly statusCode: number | null;
      /** Of the repository, where a tag was not found: the first ones; null: the registry lists none. */
      readonly tags: readonly string[] | null;
      /** Whether TLS is spoken on the port that was asked by plain HTTP, and broke off. */
      readonly speaksTls: boolean;
    };
