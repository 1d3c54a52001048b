import { type Check, problem, skipped, warning } from '../check.ts';

/** The verdict of the replay. */
export const stockEveCheck: Check = {
  id: 'stock-eve',
  title: 'Stock EVE',
  judge({ eve, form }) {
    if (form.url !== null && form.hostKind !== 'local') {
      return skipped('no local datastore: stock EVE would ask for it by its management ports');
    }
    if (eve === null) return skipped('add --as-eve to replay what a stock EVE device does');
    const { canUse, reason, failure, caveats, chosen, lookup } = eve;
    const findings = caveats.map((caveat) =>
      warning('stock-eve-caveat', caveat, 'the check above that is about it says what to do'),
    );
    const facts = {
      canUse,
      reason,
      address: chosen?.address ?? null,
      bridge: chosen?.bridge.name ?? null,
      service: lookup?.service ?? null,
      lookupMs: lookup === null ? null : Math.round(lookup.elapsedMs),
      caveats,
    };
    if (canUse) return { summary: `will be able to use this: it ${reason}`, facts, findings };
    const message = `a stock EVE device will not be able to use this: it ${reason}`;
    const advice = 'put right what the checks above warn of';
    const finding = problem(failure ?? 'transferFailed', 'stock-eve-cannot', message, advice);
    return { summary: 'will not be able to use this', facts, findings: [finding, ...findings] };
  },
};
