// SPDX-License-Identifier: Apache-2.0
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { WarningIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import { useEffect, useState } from 'preact/hooks';
import type { Tag } from '../api/registry-answers.ts';
import { readManifest } from '../api/registry-client.ts';
import type { Place } from '../api/told-place.ts';
import type { PageContext } from '../context.ts';
import { Command } from '../ui/command.tsx';
import { Setting } from '../ui/setting.tsx';
import { imageName } from './client-commands.ts';
import { type EveUse, eveUseOf } from './eve-use.ts';

function Warning({ children }: { children: string }) {
  return (
    <ul class="warnings" aria-label="Warnings">
      <li>
        <WarningIcon />
        <span>{children}</span>
      </li>
    </ul>
  );
}

function FlatFile({ use, origin }: { use: Extract<EveUse, { kind: 'flat-file' }>; origin: string }) {
  return (
    <>
      <p>
        A disk that was pushed as an artifact: its one layer is a flat file, which stock EVE downloads over
        HTTP as any other image.
      </p>
      <dl class="settings">
        <Setting label="FQDN" value={origin} />
        <Setting label="Path (dpath)" value="" />
        <Setting label="Relative URL" value={use.path} />
        <Setting label="SHA-256" value={use.sha256} />
        <Setting
          label="Size in bytes"
          value={String(use.sizeBytes)}
          hint="The exact size: one byte off, and EVE's download fails."
        />
        {use.fileName !== undefined && <Setting label="Pushed as" value={use.fileName} />}
      </dl>
      <Command text={`${origin}/${use.path}`} what="URL of the disk" />
      <p class="second">
        The format (RAW, QCOW2, …) is what the disk is: the registry does not look into it.
      </p>
    </>
  );
}

function Container({ name }: { name: string }) {
  return (
    <>
      <Warning>
        Stock EVE cannot launch this container from here: it pulls from no registry on .local, and takes a
        container archive over HTTP for one bare file.
      </Warning>
      <p>
        eve-agent, on the host of the device's bridge, can fetch it, and every client on that bridge can pull
        it:
      </p>
      <Command text={`eve-agent download docker://${name}`} what="eve-agent command" />
      <p class="second">
        What stock EVE can take from here is a disk: as an image, or pushed as an artifact of one layer.
      </p>
    </>
  );
}

export interface ContainerEveDialogProps {
  readonly repository: string;
  readonly tag: Tag;
  readonly place: Place;
  readonly context: PageContext;
  readonly onClose: () => void;
}

/** What EVE can do with an image of the registry, and what it cannot. */
export function ContainerEveDialog({ repository, tag, place, context, onClose }: ContainerEveDialogProps) {
  const [use, setUse] = useState<EveUse>();
  const [failure, setFailure] = useState<string>();
  const { digest, kind } = tag;
  useEffect(() => {
    let isWanted = true;
    const manifest =
      kind === 'artifact' ? readManifest(context.client, repository, digest) : Promise.resolve(undefined);
    manifest.then(
      (answer) => isWanted && setUse(eveUseOf(repository, tag, answer)),
      (error: Error) => isWanted && setFailure(error.message),
    );
    return () => {
      isWanted = false;
    };
  }, [repository, digest, kind, context]);
  return (
    <Dialog title="Use in EVE" onClose={onClose} isWide>
      <div class="dialog-body">
        <p class="path eve-path">
          <bdi>
            {repository}:{tag.tag}
          </bdi>
        </p>
        <Failure text={failure} />
        {use?.kind === 'flat-file' && <FlatFile use={use} origin={place.origin} />}
        {use?.kind === 'container' && <Container name={imageName(place, repository, tag.tag)} />}
        {use?.kind === 'unusable' && <Warning>{use.reason}</Warning>}
      </div>
    </Dialog>
  );
}
