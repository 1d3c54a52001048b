// SPDX-License-Identifier: Apache-2.0
/** What a neighbour tells of an application that it asks all the time: client.ts is that neighbour. */
export interface Tally {
  readonly asked: number;
  readonly failed: number;
  /** The longest time between two answers, in milliseconds. */
  readonly silenceMs: number;
  /** The last answer; empty: there was none yet. */
  readonly last: string;
  /** How often each answer came. */
  readonly words: Readonly<Record<string, number>>;
}

/** What the neighbour heard since it was last forgotten. */
export interface Neighbour {
  look(): Promise<Tally>;
  forget(): Promise<void>;
}

const NOTHING: Tally = { asked: 0, failed: 0, silenceMs: 0, last: '', words: {} };

/** @param readNews what was heard since the last call */
export function listenTo(readNews: () => Promise<Tally>): Neighbour {
  let all = NOTHING;
  return {
    async look() {
      const news = await readNews();
      const words = { ...all.words };
      for (const [word, count] of Object.entries(news.words)) words[word] = (words[word] ?? 0) + count;
      all = {
        asked: all.asked + news.asked,
        failed: all.failed + news.failed,
        silenceMs: Math.max(all.silenceMs, news.silenceMs),
        last: news.last,
        words,
      };
      return all;
    },
    async forget() {
      await readNews();
      all = NOTHING;
    },
  };
}

export const tallyText = ({ asked, failed, silenceMs, words }: Tally): string =>
  `The neighbour asked ${asked} times: ${Object.entries(words)
    .map(([word, count]) => `${count} answers of ${word}`)
    .join(', ')}, ${failed} failed; nobody answered for ${(silenceMs / 1000).toFixed(2)} s at most.`;
