// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { CopyButton } from '@local-datastore/shared/page/ui/copy-button.tsx';
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { WarningIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import { useEffect, useState } from 'preact/hooks';
import type { EveSettings } from '../../../eve/settings-document.ts';
import type { Image } from '../api/answers.ts';
import { urlOfImage } from '../api/client.ts';
import type { PageContext } from '../context.ts';
import { Document } from '../ui/document.tsx';
import { Setting } from '../ui/setting.tsx';
import { Tabs } from '../ui/tabs.tsx';

export interface EveDialogProps {
  readonly image: Image;
  readonly hasHttps: boolean;
  readonly context: PageContext;
  readonly onClose: () => void;
}

type Scheme = 'http' | 'https';

/** What EVE needs to take the certificate of this datastore. */
function Trust({ hasAuthority }: { hasAuthority: boolean }) {
  if (!hasAuthority) {
    return (
      <p class="second">
        EVE has to trust the certificate: unless a public authority issued it, give the datastore the PEM of
        its authority (dsCertPEM).
      </p>
    );
  }
  return (
    <p class="second">
      EVE has to trust the certificate: give the datastore{' '}
      <a href="/-/ca.pem" download="ca.pem">
        ca.pem
      </a>{' '}
      (dsCertPEM).
    </p>
  );
}

function SettingsList({ settings }: { settings: EveSettings }) {
  const { datastore, content, text } = settings;
  return (
    <>
      <h3>Datastore</h3>
      <dl class="settings">
        <Setting label="Type" value={datastore.dType === 'DsHttps' ? 'HTTPS' : 'HTTP'} />
        <Setting label="FQDN" value={datastore.fqdn} />
        <Setting label="Path (dpath)" value={datastore.dpath} />
      </dl>
      {datastore.dType === 'DsHttps' && <Trust hasAuthority={datastore.certificatePem !== null} />}
      <h3>Image</h3>
      <dl class="settings">
        <Setting label="Relative URL" value={content.url} />
        <Setting label="Format" value={content.format} />
        <Setting label="SHA-256" value={content.sha256 ?? 'not known yet'} />
        <Setting
          label="Size in bytes"
          value={String(content.maxSizeBytes)}
          hint="The exact size: one byte off, and EVE's download fails."
        />
      </dl>
      <CopyButton text={text} what="all settings" label="Copy all" />
    </>
  );
}

function Warnings({ settings }: { settings: EveSettings }) {
  if (settings.warnings.length === 0) return null;
  return (
    <ul class="warnings" aria-label="Warnings">
      {settings.warnings.map(({ code, message }) => (
        <li key={code}>
          <WarningIcon />
          <span>{message}</span>
        </li>
      ))}
    </ul>
  );
}

/** How to register an image with a controller. */
export function EveDialog({ image, hasHttps, context, onClose }: EveDialogProps) {
  const [scheme, setScheme] = useState<Scheme>(
    // Whoever has come by it means it; a device that is told so asks the same way.
    hasHttps && location.protocol === 'https:' ? 'https' : 'http',
  );
  const [settings, setSettings] = useState<EveSettings>();
  const [failure, setFailure] = useState<string>();
  const { path, sha256, state } = image;
  // Another digest or state, and there are other settings.
  useEffect(() => {
    let isWanted = true;
    const query = scheme === 'https' ? '?scheme=https' : '';
    context.client.read<EveSettings>(`/-/api/v1/eve${urlOfImage(path)}${query}`).then(
      (answer) => {
        if (!isWanted) return;
        setSettings(answer?.body);
        setFailure(undefined);
      },
      (error: Error) => isWanted && setFailure(error.message),
    );
    return () => {
      isWanted = false;
    };
  }, [path, sha256, state, scheme, context]);
  const tabs = settings && [
    { label: 'Settings', content: <SettingsList settings={settings} /> },
    {
      label: 'JSON',
      content: (
        <Document
          text={JSON.stringify(settings.deviceConfig, null, 2)}
          what="device configuration"
          hint="A part of EVE's device configuration (EdgeDevConfig)."
        />
      ),
    },
    {
      label: 'eden',
      content: (
        <Document
          text={settings.edenCommand}
          what="eden command"
          hint="Makes a volume of the image on a device that eden manages; eden itself has to reach the URL."
        />
      ),
    },
  ];
  return (
    <Dialog title="Use in EVE" onClose={onClose} isWide>
      <div class="dialog-body">
        <p class="path eve-path">
          <bdi>{shownName(path)}</bdi>
        </p>
        {hasHttps && (
          <fieldset class="choice">
            <legend class="visually-hidden">Protocol</legend>
            {(['http', 'https'] as const).map((name) => (
              <label key={name}>
                <input
                  type="radio"
                  name="scheme"
                  checked={scheme === name}
                  onChange={() => setScheme(name)}
                />
                <span>{name.toUpperCase()}</span>
              </label>
            ))}
          </fieldset>
        )}
        <Failure text={failure} />
        {settings !== undefined && <Warnings settings={settings} />}
        {tabs !== undefined && <Tabs label="Ways to register the image" tabs={tabs} />}
      </div>
    </Dialog>
  );
}
