// SPDX-License-Identifier: Apache-2.0
/** The 64-bit timestamps of NTP (RFC 5905 §6): seconds of an era in the upper half, their fraction in the lower. */

/** From the beginning of era 0, 1900-01-01, to that of Unix time. */
const UNIX_EPOCH_NS = 2_208_988_800_000_000_000n;
const NS_PER_SECOND = 1_000_000_000n;
const TIMESTAMP_BITS = 64;
const FRACTION_BITS = 32n;

/** @param divisor is even and positive */
function divideRounded(value: bigint, divisor: bigint): bigint {
  const shifted = value + divisor / 2n;
  const rest = shifted % divisor;
  return (shifted - (rest < 0n ? rest + divisor : rest)) / divisor;
}

/** Seconds since 1900 in units of 2^-32, over all eras. */
const dateOf = (unixNs: bigint) => divideRounded((unixNs + UNIX_EPOCH_NS) << FRACTION_BITS, NS_PER_SECOND);

/**
 * The timestamp of a moment, in whichever era that lies. A nanosecond is more than a timestamp's least step, so that
 * {@link unixNsOf} gives back the very same one.
 *
 * @param unixNs nanoseconds since 1970, without leap seconds
 */
export function ntpTimestampOf(unixNs: bigint): bigint {
  return BigInt.asUintN(TIMESTAMP_BITS, dateOf(unixNs));
}

/**
 * The moment of a timestamp, which does not tell its era: of all moments that have it, the one next to the pivot, at
 * most 68 years from it.
 *
 * @param pivotUnixNs nanoseconds since 1970
 * @returns nanoseconds since 1970
 */
export function unixNsOf(timestamp: bigint, pivotUnixNs: bigint): bigint {
  const pivot = dateOf(pivotUnixNs);
  const date = pivot + BigInt.asIntN(TIMESTAMP_BITS, timestamp - pivot);
  return divideRounded(date * NS_PER_SECOND, 1n << FRACTION_BITS) - UNIX_EPOCH_NS;
}
