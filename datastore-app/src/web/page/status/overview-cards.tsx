// SPDX-License-Identifier: Apache-2.0
import { durationText, percentOf } from '@local-datastore/shared/page/text/quantities';
import { Card, Fact } from '@local-datastore/shared/page/ui/card.tsx';
import { CopyButton } from '@local-datastore/shared/page/ui/copy-button.tsx';
import { DownloadIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import { sizeText } from '@local-datastore/shared/text/quantities';
import type { Disk, Status, Tls } from '../api/answers.ts';

const dayText = (iso: string) =>
  new Date(iso).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });

export function DatastoreCard({ status }: { status: Status }) {
  const { hostName, version, startedAt, listeners, access } = status;
  return (
    <Card title="Datastore">
      <dl class="facts">
        <Fact label="Host name">{hostName ?? 'not advertised'}</Fact>
        {listeners !== undefined && (
          <Fact label="Ports">
            HTTP {listeners.http}
            {listeners.https === null ? ', HTTPS off' : `, HTTPS ${listeners.https}`}
          </Fact>
        )}
        {access !== undefined && (
          <Fact label="Access">
            {access.isReadOpen ? 'Everybody reads' : 'Reading needs the read credential'}; writing needs the
            write token
          </Fact>
        )}
        {startedAt !== undefined && (
          <Fact label="Running for">{durationText((Date.now() - Date.parse(startedAt)) / 1000)}</Fact>
        )}
        <Fact label="Version">{version}</Fact>
      </dl>
    </Card>
  );
}

export function DiskCard({ disk }: { disk: Disk }) {
  const { totalBytes, freeBytes, imageBytes, quotaBytes, reserveBytes } = disk;
  const percent = percentOf(totalBytes - freeBytes, totalBytes);
  return (
    <Card title="Storage">
      <meter value={percent} min={0} max={100} high={85} aria-label="Share of the volume that is used" />
      <dl class="facts">
        <Fact label="Images">{sizeText(imageBytes)}</Fact>
        <Fact label="Free">
          {sizeText(freeBytes)} of {sizeText(totalBytes)}
        </Fact>
        <Fact label="Quota">{quotaBytes === null ? 'none' : sizeText(quotaBytes)}</Fact>
        <Fact label="Kept free">{sizeText(reserveBytes)}</Fact>
      </dl>
    </Card>
  );
}

export function TlsCard({ tls }: { tls: Tls | null }) {
  if (tls === null) {
    return (
      <Card title="HTTPS">
        <p class="second">TLS is off: images are served over HTTP alone.</p>
      </Card>
    );
  }
  return (
    <Card title="HTTPS certificate">
      <dl class="facts">
        <Fact label="From">{tls.kind === 'authority' ? 'the built-in authority' : 'configuration'}</Fact>
        <Fact label="Subject">{tls.subject}</Fact>
        <Fact label="Valid until">{dayText(tls.notAfter)}</Fact>
        <Fact label="Names">{tls.names.join(', ') || 'none'}</Fact>
        <Fact label="Addresses">{tls.addresses.join(', ') || 'none'}</Fact>
        <Fact label="Fingerprint">
          <span class="digest">
            <code class="breakable">{tls.fingerprint256}</code>
            <CopyButton text={tls.fingerprint256} what="fingerprint" />
          </span>
        </Fact>
      </dl>
      {tls.kind === 'authority' && (
        <p>
          <a class="button" href="/-/ca.pem" download="ca.pem">
            <DownloadIcon />
            <span>ca.pem, for EVE's dsCertPEM</span>
          </a>
        </p>
      )}
    </Card>
  );
}
