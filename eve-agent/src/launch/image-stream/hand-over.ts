// SPDX-License-Identifier: Apache-2.0
/** Hands pieces from who has them to who asks for them, one at a time, so that neither runs ahead. */
export interface HandOver {
  /** Resolves when the piece has been taken and worked on, or when nobody wants more. */
  give(piece: Uint8Array): Promise<void>;
  /** Nothing more comes. */
  end(): void;
  readonly content: AsyncIterable<Uint8Array>;
}

export function createHandOver(): HandOver {
  let isEnded = false;
  let isLeft = false;
  let offered: Uint8Array | undefined;
  /** Of who waits for a piece, and of who waits until his was worked on. */
  let wake: (() => void) | undefined;
  let worked: (() => void) | undefined;

  async function* content(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        if (offered !== undefined) {
          const piece = offered;
          offered = undefined;
          yield piece;
          worked?.();
        } else if (isEnded) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      isLeft = true;
      worked?.();
    }
  }

  return {
    give(piece) {
      if (isLeft) return Promise.resolve();
      return new Promise((resolve) => {
        worked = resolve;
        offered = piece;
        wake?.();
      });
    },
    end() {
      isEnded = true;
      wake?.();
    },
    content: content(),
  };
}
