/** One instruction of classic BPF as the kernel has it (`struct sock_filter`): jumps count from the next one on. */
export interface DhcpFilterRow {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Class | size | mode, or class | operation | source (the kernel's Documentation/networking/filter.rst). */
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
const LOAD_HALF_AT_X = 0x48;
const LOAD_HEADER_LENGTH = 0xb1;
const COPY_TO_X = 0x07;
const JUMP = 0x05;
const IF_EQUAL = 0x15;
const IF_EQUAL_X = 0x1d;
const IF_ANY_BIT = 0x45;
const RETURN = 0x06;

/** How much of a frame is kept. */
const DROP = 0;
const KEEP_WHOLE = 0xffffffff;

const load = (code: number, offset: number): DhcpFilterRow => ({ code, jt: 0, jf: 0, k: offset });
const when = (code: number, k: number, jt: number, jf: number): DhcpFilterRow => ({ code, jt, jf, k });
const give = (k: number): DhcpFilterRow => ({ code: RETURN, jt: 0, jf: 0, k });

/**
 * What a client of DHCP hears of its link, whole frames of Ethernet to itself or to all:
 * - UDP over IPv4 to port 68 that is no fragment;
 * - ARP for IPv4 to itself; and to all only what probes or announces an address (RFC 5227), not the daily questions of
 *   a link, which are none of its business.
 *
 * @param mac the interface's hardware address, six bytes
 * @throws RangeError for another number of bytes
 */
export function dhcpFilter(mac: Buffer): DhcpFilterRow[] {
  if (mac.length !== 6) throw new RangeError('a hardware address of Ethernet has six bytes');
  const [high, low] = [mac.readUInt32BE(0), mac.readUInt16BE(4)];
  return [
    /*  0 */ load(LOAD_HALF, 12),
    /*  1 */ when(IF_EQUAL, 0x0800, 0, 7), // else 9
    /*  2 */ load(LOAD_BYTE, 23),
    /*  3 */ when(IF_EQUAL, 17, 0, 24), // else drop
    /*  4 */ load(LOAD_HALF, 20),
    /*  5 */ when(IF_ANY_BIT, 0x3fff, 22, 0), // drop
    /*  6 */ load(LOAD_HEADER_LENGTH, 14),
    /*  7 */ load(LOAD_HALF_AT_X, 16),
    /*  8 */ when(IF_EQUAL, 68, 12, 19), // 21, else drop
    /*  9 */ when(IF_EQUAL, 0x0806, 0, 18), // else drop
    /* 10 */ load(LOAD_WORD, 14),
    /* 11 */ when(IF_EQUAL, 0x00010800, 0, 16), // else drop
    /* 12 */ load(LOAD_HALF, 18),
    /* 13 */ when(IF_EQUAL, 0x0604, 0, 14), // else drop
    /* 14 */ load(LOAD_WORD, 38),
    /* 15 */ load(COPY_TO_X, 0),
    /* 16 */ load(LOAD_WORD, 28),
    /* 17 */ when(IF_EQUAL, 0, 3, 0), // a probe: 21
    /* 18 */ when(IF_EQUAL_X, 0, 2, 0), // an announcement: 21
    /* 19 */ load(LOAD_WORD, 0),
    /* 20 */ { code: JUMP, jt: 0, jf: 0, k: 4 }, // 25
    /* 21 */ load(LOAD_WORD, 0),
    /* 22 */ when(IF_EQUAL, 0xffffffff, 0, 2), // else 25
    /* 23 */ load(LOAD_HALF, 4),
    /* 24 */ when(IF_EQUAL, 0xffff, 4, 3), // keep, else drop
    /* 25 */ when(IF_EQUAL, high, 0, 2), // else drop
    /* 26 */ load(LOAD_HALF, 4),
    /* 27 */ when(IF_EQUAL, low, 1, 0), // keep, else drop
    /* 28 */ give(DROP),
    /* 29 */ give(KEEP_WHOLE),
  ];
}
