// SPDX-License-Identifier: Apache-2.0
import { FILTER_STAGES, type FilteredSample, filterSamples, shiftSample } from './clock-filter.ts';
import { MAX_DISTANCE_MS } from './combine-sources.ts';
import { STEP_THRESHOLD_MS } from './discipline.ts';
import {
  type DropReason,
  FREQUENCY_TOLERANCE,
  judgeReply,
  type LocalMoment,
  type NtpRequest,
  type PlausibleTimes,
  type Sample,
  type ServerTraits,
} from './judge-reply.ts';
import { decodeNtpPacket } from './ntp-packet.ts';
import {
  type PollSchedule,
  scheduleAfterAnswer,
  scheduleAfterQuestion,
  scheduleAfterRate,
  startSchedule,
} from './poll-schedule.ts';

/** RFC 5905 §7.2 MINDISP: no distance is less, however near the server is. */
const MIN_DISPERSION_MS = 5;
const REACH_BITS = 0xff;
/** Before so many questions in a row went without an answer it is too early to tell that nobody answers. */
const PATIENT_TRIES = 4;
/** Kisses of death after which a server is never asked again (RFC 5905 §7.4). */
const FAREWELLS: readonly string[] = ['DENY', 'RSTR'];

/** What is known of one server: a value, which each event makes another of. */
export interface SourceState {
  readonly schedule: PollSchedule;
  /** The question that is open; the next one takes its place. */
  readonly request: NtpRequest | null;
  /** One bit a question, the last one lowest: whether it was answered (RFC 5905 §9.2), be it with no time. */
  readonly reach: number;
  /** Newest first. Offsets are against the clock as it would be if nothing had been slewed. */
  readonly samples: readonly Sample[];
  /** As of the last sample; null: there is none that counts. */
  readonly traits: ServerTraits | null;
  /** What was wrong with the last answer; null: nothing. */
  readonly trouble: DropReason | `kiss-${string}` | null;
  /** How often it was asked since the beginning, or since our clock was set. */
  readonly askedCount: number;
  /** The server sent its client away. */
  readonly isDenied: boolean;
  /** Datagrams that counted for nothing. */
  readonly droppedCount: number;
}

/** What all servers of one client have in common. */
export interface SourceOptions {
  readonly times: PlausibleTimes;
  /** How finely local times are read. */
  readonly precisionMs: number;
}

/** A server that was never asked. */
export function newSource(nowMs: number): SourceState {
  return {
    schedule: startSchedule(nowMs),
    request: null,
    reach: 0,
    samples: [],
    traits: null,
    trouble: null,
    askedCount: 0,
    isDenied: false,
    droppedCount: 0,
  };
}

/**
 * The server after a question that went out.
 *
 * @param request the question, as it was sent
 * @param random from 0 to below 1
 */
export function afterQuestion(source: SourceState, request: NtpRequest, random: number): SourceState {
  const reach = (source.reach << 1) & REACH_BITS;
  const schedule = scheduleAfterQuestion(source.schedule, request.sent.atMs, reach !== 0, random);
  const forgotten = reach === 0 ? { samples: [], traits: null } : {};
  return { ...source, ...forgotten, request, reach, schedule, askedCount: source.askedCount + 1 };
}

/** A server whose clock cannot be followed, whatever it said before. */
function withoutSamples(source: SourceState, trouble: SourceState['trouble']): SourceState {
  return {
    ...source,
    samples: [],
    traits: null,
    trouble,
    droppedCount: source.droppedCount + 1,
  };
}

/** Whether two samples differ by no more than what is slewed, apart from their delays. */
function doAgree(a: Sample, b: Sample): boolean {
  return Math.abs(a.offsetMs - b.offsetMs) <= STEP_THRESHOLD_MS + (a.delayMs + b.delayMs) / 2;
}

/** Where two samples in a row say something else than those before, these do not count any more. Newest first. */
function sinceChange(samples: readonly Sample[]): readonly Sample[] {
  const [newest, second, third] = samples;
  if (newest === undefined || second === undefined || third === undefined) return samples;
  return doAgree(newest, second) && !doAgree(second, third) ? [newest, second] : samples;
}

/** What a datagram told. */
export interface HeardSource {
  readonly source: SourceState;
  /** `nothing`: it was no answer to the question that is open, and anybody may have sent it. */
  readonly heard: 'sample' | 'trouble' | 'nothing';
}

/**
 * The server after a datagram that came from its address.
 *
 * @param slewedMs what our clock was slewed by until the datagram came
 */
export function afterDatagram(
  source: SourceState,
  bytes: Uint8Array,
  received: LocalMoment,
  slewedMs: number,
  { times, precisionMs }: SourceOptions,
): HeardSource {
  const packet = decodeNtpPacket(bytes);
  const ignore = (): HeardSource => ({
    source: { ...source, droppedCount: source.droppedCount + 1 },
    heard: 'nothing',
  });
  if (typeof packet === 'string') return ignore();
  const judged = judgeReply(packet, source.request, received, times, precisionMs);
  // Anybody can send it: the question stays open for the server itself.
  if (judged.kind === 'drop' && judged.why === 'origin') return ignore();

  const answered: SourceState = { ...source, request: null };
  if (judged.kind === 'kiss') {
    const trouble = `kiss-${judged.code}` as const;
    if (FAREWELLS.includes(judged.code)) {
      const schedule = { ...answered.schedule, nextMs: Number.POSITIVE_INFINITY };
      const denied = withoutSamples({ ...answered, schedule, reach: 0, isDenied: true }, trouble);
      return { source: denied, heard: 'trouble' };
    }
    const droppedCount = source.droppedCount + 1;
    if (judged.code !== 'RATE') return { source: { ...answered, trouble, droppedCount }, heard: 'trouble' };
    const schedule = scheduleAfterRate(source.schedule, received.atMs, judged.pollLog2);
    return { source: { ...answered, schedule, trouble, droppedCount }, heard: 'trouble' };
  }
  if (judged.kind === 'drop') {
    const reached = { ...answered, reach: source.reach | 1 };
    return { source: withoutSamples(reached, judged.why), heard: 'trouble' };
  }

  const sample = { ...judged.sample, offsetMs: judged.sample.offsetMs + slewedMs };
  const [last] = source.samples;
  // One that says something else than before is asked whether it means it.
  const isNews = last === undefined || !doAgree(sample, last);
  return {
    source: {
      ...answered,
      schedule: scheduleAfterAnswer(source.schedule, received.atMs, isNews),
      reach: source.reach | 1,
      samples: sinceChange(shiftSample(source.samples, sample)),
      traits: judged.traits,
      trouble: null,
    },
    heard: 'sample',
  };
}

/** The server after our clock jumped: what was measured before is worth nothing, and it is asked anew. */
export function afterJump(source: SourceState, nowMs: number): SourceState {
  const isAsked = source.schedule.nextMs !== Number.POSITIVE_INFINITY;
  // A server that asked for less questions is asked when it was to be.
  const isLimited = source.schedule.leastPollLog2 > 0;
  const schedule =
    isAsked && !isLimited ? { ...startSchedule(nowMs), pollLog2: source.schedule.pollLog2 } : source.schedule;
  return { ...source, schedule, request: null, reach: 0, samples: [], traits: null, askedCount: 0 };
}

/** A server's best sample, and how far from the truth it may be. */
export interface Measured extends FilteredSample {
  readonly traits: ServerTraits;
  readonly rootDistanceMs: number;
}

/** @returns null: there is no sample */
export function measure(source: SourceState, nowMs: number, { precisionMs }: SourceOptions): Measured | null {
  const { traits } = source;
  if (traits === null || source.reach === 0) return null;
  const filtered = filterSamples(source.samples, nowMs, Math.max(precisionMs, traits.precisionMs));
  if (filtered === null) return null;
  const delayMs = Math.max(MIN_DISPERSION_MS, traits.rootDelayMs + filtered.delayMs);
  const rootDistanceMs =
    delayMs / 2 +
    traits.rootDispersionMs +
    filtered.dispersionMs +
    filtered.jitterMs +
    FREQUENCY_TOLERANCE * Math.max(0, nowMs - filtered.atMs);
  return { ...filtered, traits, rootDistanceMs };
}

/** Whether it is too early to tell what a server will say: it was not asked often enough for that. */
export function isUndecided({ isDenied, askedCount, schedule }: SourceState): boolean {
  // One that wants to be asked seldom is not waited for.
  if (isDenied || schedule.leastPollLog2 > 0 || askedCount >= FILTER_STAGES) return false;
  return schedule.unanswered < PATIENT_TRIES;
}

/** Whether a server is near enough to be asked for its opinion (RFC 5905 §11.1, "fit"). */
export function isNearEnough({ rootDistanceMs }: Measured, { schedule }: SourceState): boolean {
  return rootDistanceMs < MAX_DISTANCE_MS + FREQUENCY_TOLERANCE * 2 ** schedule.pollLog2 * 1000;
}
