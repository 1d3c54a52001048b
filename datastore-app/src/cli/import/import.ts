// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { parsePlatform, platformText } from '@local-datastore/shared/oci/platform';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { countText } from '@local-datastore/shared/text/quantities';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseWantedName } from '../../archive-imports/wanted-name.ts';
import type { CommandContext } from '../command-context.ts';
import { ImportFailedError } from '../exit-code.ts';
import { addClientOptions, connectTo } from '../registry/datastore-client.ts';
import { isJson } from '../registry/records.ts';
import { archiveFiles } from './archive-file.ts';
import { dockerDaemon } from './docker-daemon.ts';
import type { ImportKind, ImportReport } from './import-kind.ts';
import { layoutFolders } from './layout-folder.ts';
import { createProgress } from './progress.ts';
import {
  addRegistryOptions,
  importFromRegistries,
  importMirror,
  isRegistrySource,
} from './registry-import.ts';
import { tellReport } from './tell-report.ts';

/** How the name of a file of a set ends. */
const CHUNK = /\.\d+\.tar$/;

/** In the order in which they are asked whether a source is theirs. */
const KINDS: readonly ImportKind[] = [layoutFolders, dockerDaemon, archiveFiles];

const FORMS = ['docker://HOST/NAME:TAG', ...KINDS.map(({ form }) => form)];

interface ImportOptions {
  readonly as?: string;
  readonly platform?: readonly string[];
  readonly dockerHost?: string;
  readonly mirror?: string;
}

function parseName(text: string): string {
  const parsed = parseWantedName(text);
  if (parsed.kind === 'invalid') throw new InvalidArgumentError(parsed.reason);
  return text;
}

function addPlatform(text: string, before: readonly string[] = []): readonly string[] {
  const platform = parsePlatform(text);
  if (platform === null) throw new InvalidArgumentError('A platform such as linux/arm64 expected.');
  return [...before, platformText(platform)];
}

/** @throws ConfigurationError */
function kindOf(source: string): ImportKind {
  const kind = KINDS.find(({ isKindOf }) => isKindOf(source));
  if (kind !== undefined) return kind;
  const forms = FORMS.join(', ');
  throw new ConfigurationError(`"${source}" is no source that is known here; known are: ${forms}`);
}

/** `datastore-app import SOURCE…`. */
export function importCommand(context: CommandContext): Command {
  const command = new Command('import')
    .summary('container images from other registries and from files')
    .description(
      'Imports container images into the registry of the datastore that runs. What is cut off or damaged is not named.',
    )
    .argument('[source...]', FORMS.join(', '))
    .addOption(
      new Option(
        '--as <name>',
        'how the image is to be called, such as lab/app:1; lab/app takes the tags of the source',
      ).argParser(parseName),
    )
    .addOption(
      new Option(
        '--platform <platform>',
        'of an image for many: this one alone, such as linux/arm64; may be repeated',
      ).argParser(addPlatform),
    )
    .addOption(new Option('--docker-host <address>', 'of the engine for docker-daemon:').env('DOCKER_HOST'));
  return addClientOptions(addRegistryOptions(command)).action(async (sources: string[]) => {
    const { as, platform: platforms = [], dockerHost, mirror } = command.opts<ImportOptions>();
    if ((mirror === undefined) === (sources.length === 0)) {
      throw new ConfigurationError(
        'name what to import, such as docker://registry.example/lab/app:1.2, or a list with --mirror',
      );
    }
    // The files of a set are one source.
    const places = new Set(
      sources.map((source, index) => (CHUNK.test(source) ? source.replace(CHUNK, '') : index)),
    );
    if (as?.includes(':') === true && places.size > 1) {
      throw new ConfigurationError(`--as ${as} names one image, and there are ${places.size} sources`);
    }
    if (mirror !== undefined) return importMirror(context, command, mirror);
    if (sources.every(isRegistrySource)) return importFromRegistries(context, command, sources);
    if (sources.some(isRegistrySource)) {
      throw new ConfigurationError('docker:// sources are imported by a command of their own');
    }
    const byKind = Map.groupBy(sources, kindOf);
    const client = await connectTo(command, context);
    const deps = {
      ...{ client, dockerHost, signal: context.signal },
      progress: createProgress(context, isJson(command)),
      get input() {
        return context.input;
      },
    };
    const reports: ImportReport[] = [];
    const errors: unknown[] = [];
    for (const [kind, own] of byKind) {
      const requests = own.map((source) => ({ source, as, platforms }));
      for await (const outcome of kind.importFrom(requests, deps)) {
        if (outcome.kind === 'failed') {
          errors.push(outcome.error);
          if (sources.length > 1) context.stderr.write(`${outcome.source}: ${errorMessage(outcome.error)}\n`);
          continue;
        }
        reports.push(outcome.report);
        if (!isJson(command)) tellReport(context, outcome.report);
      }
    }
    const failed = reports.flatMap((report) => report.failed);
    if (isJson(command)) {
      const images = reports.flatMap((report) => report.images);
      const notices = reports.flatMap((report) => report.notices);
      context.stdout.write(jsonText({ images, failed, notices }));
    }
    if (errors.length > 0) throw errors[0];
    const [first] = failed;
    if (first === undefined) return;
    throw new ImportFailedError(first.code, `could not be imported: ${countText(failed.length, 'image')}`);
  });
}
