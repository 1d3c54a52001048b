// SPDX-License-Identifier: Apache-2.0
import { verdictText } from '../as-eve/verdict.ts';
import { type Check, problem, skipped, warning } from '../check.ts';

/** The verdict of the replay. */
export const stockEveCheck: Check = {
  id: 'stock-eve',
  title: 'Stock EVE',
  judge({ eve, form }) {
    if (form.urlForEve !== null && form.hostKind !== 'local') {
      return skipped('no local datastore: stock EVE would ask for it by its management ports');
    }
    if (eve === null) return skipped('add --as-eve to replay what a stock EVE device does');
    const { current, older, caveats, chosen, lookup } = eve;
    const findings = caveats.map((caveat) =>
      warning('stock-eve-caveat', caveat, 'the check above that is about it says what to do'),
    );
    const facts = {
      canUse: current.outlook === 'will',
      outlook: current.outlook,
      reason: current.reason,
      whenInterrupted: current.whenInterrupted,
      olderOutlook: older.outlook,
      olderReason: older.reason,
      olderWhenInterrupted: older.whenInterrupted,
      address: chosen?.address ?? null,
      bridge: chosen?.bridge.name ?? null,
      service: lookup?.service ?? null,
      lookupMs: lookup === null ? null : Math.round(lookup.elapsedMs),
      caveats,
    };
    const text = verdictText(eve);
    if (current.outlook === 'will') {
      const olderFinding = warning('older-eve-cannot', text, 'update the devices to EVE 16 or later');
      return {
        summary: text.replace(/^a stock EVE device /, ''),
        facts,
        findings: older.outlook === 'will' ? findings : [olderFinding, ...findings],
      };
    }
    const code = current.outlook === 'may' ? 'stock-eve-by-chance' : 'stock-eve-cannot';
    const advice = current.advice ?? 'put right what the checks above warn of';
    const finding = problem(current.failure ?? 'transferFailed', code, text, advice);
    const summary = current.outlook === 'may' ? 'is a matter of chance' : 'will not be able to use this';
    return { summary, facts, findings: [finding, ...findings] };
  },
};
