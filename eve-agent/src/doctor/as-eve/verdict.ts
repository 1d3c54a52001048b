// SPDX-License-Identifier: Apache-2.0
import type { Failure } from '../failure.ts';

export type Outlook = 'will' | 'may' | 'will-not';

/** What a kind of stock EVE makes of a datastore. */
export interface EveVerdict {
  readonly eve: 'EVE 16 and later' | 'EVE 14.5 and older';
  readonly outlook: Outlook;
  /** One clause, the subject of which is that EVE. */
  readonly reason: string;
  /** Null when it will. */
  readonly failure: Failure | null;
  /** What to do where no check speaks of it; null: the checks do. */
  readonly advice: string | null;
  /** What becomes of an interrupted download, one clause; null: it did not come to that. */
  readonly whenInterrupted: string | null;
}

/** Both kinds: they look for a host alike, and differ in credentials and in interrupted downloads. */
export interface EveVerdicts {
  readonly current: EveVerdict;
  readonly older: EveVerdict;
}

const ABILITY: Record<Outlook, string> = {
  will: 'will be able to use this',
  may: 'may or may not be able to use this',
  'will-not': 'will not be able to use this',
};

/** Whether both kinds fare alike, interruptions aside. */
const isAlike = ({ current, older }: EveVerdicts) =>
  current.outlook === older.outlook && current.reason === older.reason;

/** The verdict for people, about both kinds. */
export function verdictText(verdicts: EveVerdicts): string {
  const { current, older } = verdicts;
  const clause = ({ outlook, reason }: EveVerdict) => `${ABILITY[outlook]}: it ${reason}`;
  const text = isAlike(verdicts)
    ? `a stock EVE device ${clause(current)}`
    : `${current.eve} ${clause(current)}; ${older.eve} ${clause(older)}`;
  const interrupted = [current, older].flatMap(({ eve, whenInterrupted }) =>
    whenInterrupted === null ? [] : [`${eve} ${whenInterrupted}`],
  );
  return interrupted.length === 0 ? text : `${text}; when interrupted, ${interrupted.join(', and ')}`;
}
