// SPDX-License-Identifier: Apache-2.0
import { type Check, type Finding, skipped, warning } from '../check.ts';
import { isAbout } from '../host-records.ts';

/** EVE's parser takes a message whole or not at all. */
export const strictParserCheck: Check = {
  id: 'strict-parser',
  title: 'Messages for a strict parser',
  judge({ multicast }) {
    if (multicast === null || multicast.heard.length === 0) return skipped('nobody was heard');
    const findings = new Map<string, Finding>();
    for (const { wire, message, source } of multicast.heard) {
      if (typeof wire !== 'string') continue;
      const isOurs = message !== null && isAbout(message, multicast.host);
      // What nobody can read matters when it may be the answer.
      if (message !== null && !isOurs) continue;
      const code = /^an NSEC record has a window block/.test(wire)
        ? 'nsec-empty-bitmap'
        : 'message-discarded';
      findings.set(
        `${code} ${source}`,
        warning(
          code,
          `stock EVE discards a whole message of ${source}: ${wire}`,
          'use another responder, or a newer version of it',
        ),
      );
    }
    const count = multicast.heard.filter(({ wire }) => typeof wire !== 'string').length;
    return {
      summary: `${count} of ${multicast.heard.length} can be read`,
      findings: [...findings.values()],
    };
  },
};
