// SPDX-License-Identifier: Apache-2.0
/** A text that never ends with its event is no stream of ours. */
const MAX_EVENT_LENGTH = 1024 * 1024;

/**
 * Reads server-sent events (WHATWG HTML §9.2.6), as far as our own streams use them: one line of data an event.
 *
 * @returns what takes the next piece of the text, and gives the data of the events that are whole by then; it throws
 *   RangeError when an event is too long
 */
export function createEventParser(): (piece: string) => string[] {
  let rest = '';
  return (piece) => {
    const events = (rest + piece).split('\n\n');
    rest = events.pop() ?? '';
    if (rest.length > MAX_EVENT_LENGTH) throw new RangeError('an event is too long');
    return events.flatMap((event) =>
      event
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => line.slice('data: '.length)),
    );
  };
}
