// SPDX-License-Identifier: Apache-2.0
import { Age, PlainTable } from '@local-datastore/shared/page/ui/card.tsx';
import { CopyButton } from '@local-datastore/shared/page/ui/copy-button.tsx';
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { Digest } from '@local-datastore/shared/page/ui/digest.tsx';
import { DownloadIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import { useState } from 'preact/hooks';
import type { Repository, Tag, TagVersion } from '../api/registry-answers.ts';
import type { Place } from '../api/told-place.ts';
import { Command } from '../ui/command.tsx';
import { Tabs } from '../ui/tabs.tsx';
import { type ClientCommands, clientCommands, exportUrl } from './client-commands.ts';

function Commands({ client, pull, push }: ClientCommands) {
  return (
    <>
      <p class="second">Pull</p>
      <Command text={pull} what={`${client} command to pull`} />
      {push !== undefined && (
        <>
          <p class="second">Push another image to this name</p>
          <Command text={push} what={`${client} command to push`} />
        </>
      )}
    </>
  );
}

function Export({ repository, tag, isReadOpen }: { repository: string; tag: Tag; isReadOpen: boolean }) {
  const { platforms } = tag;
  const [platform, setPlatform] = useState(platforms[0]);
  const hasChoice = platforms.length > 1;
  return (
    <section class="part" aria-labelledby="export-title">
      <h3 id="export-title">Export</h3>
      <p class="second">
        One file for <code>docker load</code>, <code>podman load</code>, <code>ctr image import</code> and the
        image folder of k3s.{!isReadOpen && ' The browser will ask for the read credential.'}
      </p>
      {hasChoice && (
        <fieldset class="choice choice-many">
          <legend class="second">Platform of the docker archive, which holds one</legend>
          {platforms.map((name) => (
            <label key={name}>
              <input
                type="radio"
                name="platform"
                checked={platform === name}
                onChange={() => setPlatform(name)}
              />
              <span>{name}</span>
            </label>
          ))}
        </fieldset>
      )}
      <p class="buttons">
        <a class="button" href={exportUrl(repository, tag.tag, 'oci-archive', undefined)} download>
          <DownloadIcon />
          <span>OCI archive{hasChoice && ', all platforms'}</span>
        </a>
        {tag.kind !== 'artifact' && (
          <a
            class="button"
            href={exportUrl(repository, tag.tag, 'docker-archive', hasChoice ? platform : undefined)}
            download
          >
            <DownloadIcon />
            <span>Docker archive{hasChoice && `, ${platform}`}</span>
          </a>
        )}
      </p>
    </section>
  );
}

function Versions({ tag, versions }: { tag: Tag; versions: readonly TagVersion[] }) {
  return (
    <section class="part" aria-labelledby="versions-title">
      <h3 id="versions-title">Versions</h3>
      <PlainTable
        label="Versions of the tag"
        caption={`What ${tag.tag} led to, by the times when it came here`}
        columns={['Version', 'Digest', 'Came']}
      >
        {versions.map(({ number, digest, at }) => (
          <tr key={number}>
            <th scope="row">
              {number}
              {digest === tag.digest && ' (now)'}
            </th>
            <td>
              <Digest digest={digest} what={`digest of version ${number}`} />
            </td>
            <td>
              <Age at={at} />
            </td>
          </tr>
        ))}
      </PlainTable>
    </section>
  );
}

export interface GetDialogProps {
  readonly repository: Repository;
  readonly tag: Tag;
  readonly place: Place;
  readonly isReadOpen: boolean;
  readonly onClose: () => void;
}

/** How an image is pulled and pushed, its export, and what its tag led to before. */
export function GetDialog({ repository, tag, place, isReadOpen, onClose }: GetDialogProps) {
  const { name, kind } = repository;
  const { versions = [] } = tag;
  const image = { repository: name, tag: tag.tag, canPush: kind === 'pushed' && tag.isReleased !== true };
  return (
    <Dialog title="Get this image" onClose={onClose} isWide>
      <div class="dialog-body">
        <p class="path eve-path">
          <bdi>
            {name}:{tag.tag}
          </bdi>
        </p>
        <p class="digest">
          <code class="breakable">{tag.digest}</code>
          <CopyButton text={tag.digest} what="digest" />
        </p>
        <Tabs
          label="Clients"
          tabs={clientCommands(place, image).map((commands) => ({
            label: commands.client,
            content: <Commands {...commands} />,
          }))}
        />
        <Export repository={name} tag={tag} isReadOpen={isReadOpen} />
        {versions.length > 1 && <Versions tag={tag} versions={versions} />}
      </div>
    </Dialog>
  );
}
