// SPDX-License-Identifier: Apache-2.0
/** What is to be closed when a command has ended, however it ended. */
export interface Closing {
  add(close: () => Promise<void>): void;
  /** Closes what was added, the last first. */
  run(): Promise<void>;
}

export function createClosing(): Closing {
  const waiting: (() => Promise<void>)[] = [];
  return {
    add: (close) => void waiting.push(close),
    async run() {
      for (let close = waiting.pop(); close !== undefined; close = waiting.pop()) await close();
    },
  };
}
