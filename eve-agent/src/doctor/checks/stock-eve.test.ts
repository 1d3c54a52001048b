// SPDX-License-Identifier: Apache-2.0
import type { EveReplay } from '../as-eve/replay.ts';
import type { EveVerdict } from '../as-eve/verdict.ts';
import { BN1, describeCheck } from '../test-fixtures.ts';
import { readUrlForm } from '../url-form.ts';
import { stockEveCheck } from './stock-eve.ts';

const verdict = (changes: Partial<EveVerdict>): Omit<EveVerdict, 'eve'> => ({
  ...{ outlook: 'will', reason: 'starts the download', failure: null, advice: null, whenInterrupted: null },
  ...changes,
});

/** A replay in which both kinds fare well, but for what is said. */
const replay = (
  current: Partial<EveVerdict> = {},
  older: Partial<EveVerdict> = {},
  caveats: readonly string[] = [],
): { eve: EveReplay } => ({
  eve: {
    current: { eve: 'EVE 16 and later', ...verdict(current) },
    older: { eve: 'EVE 14.5 and older', ...verdict(older) },
    caveats,
    lookup: null,
    chosen: { address: '10.1.0.5', bridge: BN1 },
  },
});
const MAY = { outlook: 'may', reason: 'takes whoever is first' } as const;
const NOT = { outlook: 'will-not', reason: 'hears no service' } as const;

describeCheck(stockEveCheck, {
  'a datastore that it can use': {
    evidence: replay(),
    outcome: 'ok',
    says: 'will be able to use this: it starts the download',
  },
  'no replay that was wanted': { outcome: 'skipped', says: 'add --as-eve' },
  'a host that is no local one': {
    evidence: { ...replay(), form: readUrlForm('http://example.com/a.img') },
    outcome: 'skipped',
    says: 'management ports',
  },
  'what goes wrong under conditions': {
    evidence: replay({}, {}, ['it leaks a socket']),
    outcome: ['warning stock-eve-caveat'],
    says: 'it leaks a socket',
  },
  'one that older versions cannot use': {
    evidence: replay({}, NOT, ['it leaks a socket']),
    outcome: ['warning older-eve-cannot', 'warning stock-eve-caveat'],
    says: 'EVE 14.5 and older will not be able to use this: it hears no service',
  },
  'one that it finds by chance': {
    evidence: replay({ ...MAY, failure: 'datastoreNotFound' }, MAY),
    outcome: ['problem stock-eve-by-chance datastoreNotFound'],
    says: 'put right what the checks above warn of',
  },
  'one that it cannot use': {
    evidence: replay({ ...NOT, advice: 'advertise a service' }, NOT),
    outcome: ['problem stock-eve-cannot transferFailed'],
    says: 'advertise a service',
  },
});
