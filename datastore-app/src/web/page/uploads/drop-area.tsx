// SPDX-License-Identifier: Apache-2.0
import { UploadIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { droppedFiles } from './dropped-files.ts';
import type { ChosenFile } from './upload-plan.ts';

const holdsFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files') ?? false;

/** Takes files that are dropped anywhere on the page. */
export function DropArea({
  onFiles,
  verb = 'upload',
  children,
}: {
  onFiles: (files: ChosenFile[]) => void;
  /** What is done with them. */
  verb?: 'upload' | 'import';
  children: ComponentChildren;
}) {
  const [isOver, setIsOver] = useState(false);
  const take = useRef(onFiles);
  take.current = onFiles;
  useEffect(() => {
    // Every element that the pointer crosses sends its own enter and leave.
    let depth = 0;
    const listeners = {
      dragenter(event: DragEvent) {
        if (!holdsFiles(event)) return;
        depth += 1;
        setIsOver(true);
      },
      dragleave(event: DragEvent) {
        if (!holdsFiles(event)) return;
        depth = Math.max(0, depth - 1);
        setIsOver(depth > 0);
      },
      dragover(event: DragEvent) {
        // Without this the browser would open the file.
        if (holdsFiles(event)) event.preventDefault();
      },
      drop(event: DragEvent) {
        if (!holdsFiles(event) || event.dataTransfer === null) return;
        event.preventDefault();
        depth = 0;
        setIsOver(false);
        // A dialog asks already.
        if (document.querySelector('dialog[open]') !== null) return;
        void droppedFiles(event.dataTransfer.items).then((files) => {
          if (files.length > 0) take.current(files);
        });
      },
    };
    for (const [name, listener] of Object.entries(listeners)) {
      addEventListener(name as 'drop', listener);
    }
    return () => {
      for (const [name, listener] of Object.entries(listeners)) {
        removeEventListener(name as 'drop', listener);
      }
    };
  }, []);
  return (
    <>
      {children}
      {isOver && (
        <div class="drop" aria-hidden="true">
          <p>
            <UploadIcon /> Drop to {verb}
          </p>
        </div>
      )}
    </>
  );
}
