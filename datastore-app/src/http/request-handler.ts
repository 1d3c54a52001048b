// SPDX-License-Identifier: Apache-2.0
import type { RequestListener } from 'node:http';
import type { IsOwnName } from '@local-datastore/shared/http/request-origin';
import type { Log } from '@local-datastore/shared/log';
import { createDownloadTickets, type DownloadTickets } from '../access/download-tickets.ts';
import type { Guard } from '../access/guard.ts';
import { createReach } from '../access/image-reach.ts';
import type { OpenRegistryAccess } from '../access/open-registry-access.ts';
import type { Places } from '../access/places.ts';
import type { TokenService } from '../access/token-service.ts';
import type { Activity } from '../activity/activity.ts';
import type { LogLines } from '../activity/log-lines.ts';
import { observeState } from '../activity/observe-state.ts';
import type { AdvertiserStatus } from '../advertise/advertiser.ts';
import type { OpenArchives } from '../archives/open-archives.ts';
import type { Registry } from '../blobs/open-registry.ts';
import type { RegistryStore } from '../blobs/registry-store.ts';
import type { NoteChange } from '../changes/change.ts';
import type { Changes } from '../changes/open-changes.ts';
import type { Hasher } from '../content/hasher.ts';
import type { Catalogue } from '../images/catalogue.ts';
import type { ImageStore } from '../images/image-store.ts';
import { createImageOpener, type OpenImage } from '../images/open-image.ts';
import { createRememberedImages } from '../images/remembered-images.ts';
import { diskSpaceOf } from '../images/storage.ts';
import { createFormatOf, type FormatOf } from '../operations/format-of.ts';
import { createImageOps, type ImageOps } from '../operations/image-ops.ts';
import { checkByQemu } from '../operations/qemu-check.ts';
import { createRegistryHandler } from '../registry/registry-handler.ts';
import type { ImportJobs } from '../registry-imports/import-jobs.ts';
import type { OpenParser } from '../sandbox/monitor/open-parser.ts';
import type { CertificateSource } from '../tls/certificate-source.ts';
import type { Uploads } from '../uploads/uploads.ts';
import type { ImageUpstreams } from '../upstream/images/open-image-upstreams.ts';
import { createShownImages, type ShownImages as ShownFiles } from '../upstream/images/shown-images.ts';
import type { OpenUpstreams } from '../upstream/open-upstreams.ts';
import { openSites } from '../web/open-sites.ts';
import { type AccessLogChoice, createAccessLog } from './access-log.ts';
import { createApi } from './api.ts';
import { createArtifactHandler } from './artifact-files.ts';
import { type Authorize, createAuthorize } from './authorize.ts';
import { createDistantFiles } from './distant-files.ts';
import { createFilesHandler } from './files.ts';
import { createArtifactList, type ListArtifacts } from './list-artifacts.ts';
import {
  createRequestListener,
  mountApi,
  mountArtifacts,
  mountImages,
  mountOperations,
  mountRegistry,
  mountRepositories,
  mountTokens,
} from './mounts.ts';
import { observeRequests } from './observe-requests.ts';
import { IMAGE_OPERATIONS } from './openapi/image-operations.ts';
import { REGISTRY_OPERATIONS } from './openapi/registry-operations.ts';
import { createPermitOperation, type PermitOperation } from './permit-operation.ts';
import { createPublishHandler } from './publish.ts';
import { createRefusalWatch } from './refusal-watch.ts';
import { createRegistryApi, type RegistryApi } from './registry-api.ts';
import { createRequireOrigin } from './require-origin.ts';
import type { Resource } from './resource.ts';
import { createBundleRoutes } from './routes/bundles.ts';
import { createCaRoutes } from './routes/ca.ts';
import { createChangeRoutes } from './routes/changes.ts';
import { createDownloadLinkRoutes } from './routes/download-links.ts';
import { createEveRoutes } from './routes/eve.ts';
import { createHealthRoutes } from './routes/health.ts';
import { createImageExportRoutes } from './routes/image-export.ts';
import { createImageListRoutes } from './routes/image-list.ts';
import { createImageUpstreamRoutes } from './routes/image-upstreams.ts';
import { createImageRoutes } from './routes/images.ts';
import { createImportJobRoutes } from './routes/import-jobs.ts';
import { createLogRoutes } from './routes/log.ts';
import { createManualRoutes } from './routes/manual.ts';
import { createMetricsRoutes } from './routes/metrics.ts';
import { createOpenapiRoutes } from './routes/openapi.ts';
import { createOperationRoutes } from './routes/operations.ts';
import { createPageRoutes } from './routes/page.ts';
import { createAdoptRoutes } from './routes/registry-adopt.ts';
import { createRegistryCollectionRoutes } from './routes/registry-collection.ts';
import { createRegistryImportRoutes } from './routes/registry-import.ts';
import { createInventoryRoutes } from './routes/registry-inventory.ts';
import { createUpstreamRoutes } from './routes/registry-upstreams.ts';
import { createRepositoryRoutes } from './routes/repositories.ts';
import { createRepositoryChangeRoutes } from './routes/repository-changes.ts';
import { createStatusRoutes } from './routes/status.ts';
import { createTokenRoutes } from './routes/token.ts';
import { createUploadRoutes } from './routes/uploads.ts';
import { createSourceSender, type SendSource } from './send-source.ts';
import { createTransferMemory } from './transfer-memory.ts';

export interface ShownImages {
  /** What is here, and what archives among the images hold. */
  readonly stored: RegistryStore;
  /** That, and what upstreams have. */
  readonly shown: RegistryStore;
}

export interface RequestHandlerDeps {
  readonly log: Log;
  /** Where requests are logged. */
  readonly requestLog: Log;
  /** The last lines of both. */
  readonly logLines: LogLines;
  /** Who changed what. */
  readonly changes: Changes;
  /** Aborted when the datastore stops. */
  readonly stopping: AbortSignal;
  readonly catalogue: Catalogue;
  readonly store: ImageStore;
  readonly uploads: Uploads;
  /** Of container images; undefined: it is off. */
  readonly registry: Registry | undefined;
  /** Other registries, from which it imports. */
  readonly upstreams: OpenUpstreams;
  /** From where images come that are not here. */
  readonly imageUpstreams: ImageUpstreams;
  /** Imports that were asked for; undefined: the registry is off. */
  readonly imports: ImportJobs | undefined;
  /** Container archives among the images. */
  readonly archives: Pick<OpenArchives, 'repositories'>;
  /** What clients of the registry are shown. */
  readonly images: ShownImages | undefined;
  readonly guard: Guard;
  /** Whether page and API can be asked for by a name. */
  readonly isOwnName: IsOwnName;
  /** Where clients are told to find it. */
  readonly places: Places;
  /** Issues tokens for the registry. */
  readonly issueToken: TokenService;
  /** Decides who may do what in the registry. */
  readonly accessTo: OpenRegistryAccess['accessTo'];
  /** undefined: TLS is off. */
  readonly certificates: CertificateSource | undefined;
  readonly activity: Activity;
  /** Tells what files are. */
  readonly parsing: OpenParser;
  /** For operations that read images again. */
  readonly operationHasher: Pick<Hasher, 'hash'>;
  /** undefined: advertising is turned off. */
  advertiserStatus(): AdvertiserStatus | undefined;
  /** The ports that are listened on. */
  ports(): { readonly http: number | null; readonly https: number | null };
  /** Why the datastore is not ready, as sentences; none: it is. */
  reasonsNotReady(): readonly string[];
  /** What a person should know though devices are served, as sentences. */
  warnings(): readonly string[];
}

export interface RequestHandlerOptions {
  readonly version: string;
  readonly startedAt: Date;
  /** Without symbolic links. */
  readonly root: string;
  /** With `.local`; what EVE is told to ask for, also where nothing is advertised. */
  readonly hostName: string;
  /** Names whose pages may change something, whatever their port; in lower case. */
  readonly trustedHosts: readonly string[];
  readonly quotaBytes: number | undefined;
  readonly reserveBytes: number;
  readonly accessLog: AccessLogChoice;
}

export interface ResourceDeps extends RequestHandlerDeps {
  readonly note: NoteChange;
  /** undefined: the registry is off. */
  readonly registryApi: RegistryApi | undefined;
  /** The images that are here, and those that can come. */
  readonly shown: ShownFiles;
  readonly authorize: Authorize;
  readonly tickets: DownloadTickets;
  readonly openImage: (path: string) => OpenImage | undefined;
  readonly ops: ImageOps;
  readonly formatOf: FormatOf;
  readonly permit: PermitOperation;
  readonly sendSource: SendSource;
  readonly listArtifacts: ListArtifacts;
}

/** Everything below `/-/`, with its description. */
export function createResources(deps: ResourceDeps, options: RequestHandlerOptions): readonly Resource[] {
  const { log, note, catalogue, store, uploads, guard, certificates, activity } = deps;
  const { authorize, tickets, openImage, shown } = deps;
  const { metrics } = activity;
  const { root, version } = options;
  const tlsStatus = () => certificates?.status();
  const { page: loadPage, manual: loadManual } = openSites();
  const resources: readonly Resource[] = [
    createPageRoutes({ log, loadPage }),
    createManualRoutes({ log, loadManual }),
    createImageListRoutes({ ...deps, loadPage }),
    createImageRoutes({ note, shown, store, listArtifacts: deps.listArtifacts }),
    createImageUpstreamRoutes({ note, upstreams: deps.imageUpstreams, shown }),
    createDownloadLinkRoutes({ tickets, gate: deps.registryApi?.gate }),
    createUploadRoutes({ log, uploads, authorize }),
    createBundleRoutes({ note, catalogue, store, openImage, parser: deps.parsing.parser }),
    createStatusRoutes(
      {
        ...deps,
        ...activity,
        imageBytes: catalogue.totalBytes,
        registryState: () => deps.registry?.state(),
        disk: () => diskSpaceOf(root),
        parsing: deps.parsing.status,
        tlsStatus,
      },
      { ...options, isReadOpen: guard.isReadOpen },
    ),
    createEveRoutes({
      ...{ shown, listArtifacts: deps.listArtifacts },
      isReadOpen: guard.isReadOpen,
      hostName: options.hostName,
      places: deps.places,
      ports: deps.ports,
      advertiserStatus: deps.advertiserStatus,
      certificatePem: () => certificates?.authorityPem,
      tlsStatus,
    }),
    // Of two that match, the one with more to its path: a name may hold slashes.
    createRepositoryChangeRoutes(deps.registryApi),
    createRepositoryRoutes(deps.registryApi),
    createImageExportRoutes(deps.registryApi),
    createOperationRoutes({ ...deps, downloads: activity.downloads }),
    createUpstreamRoutes(deps.registryApi),
    createRegistryImportRoutes(deps.registryApi),
    createImportJobRoutes(deps.registryApi),
    createInventoryRoutes(deps.registryApi),
    createAdoptRoutes(deps.registryApi),
    createRegistryCollectionRoutes({ note, collection: () => deps.registry?.collection }),
    createLogRoutes(deps),
    createChangeRoutes(deps),
    createMetricsRoutes({ metrics }),
    createOpenapiRoutes({
      version,
      listOperations: () => [
        ...IMAGE_OPERATIONS,
        ...(deps.images === undefined ? [] : REGISTRY_OPERATIONS),
        ...resources.flatMap(({ operations }) => operations),
      ],
    }),
    createHealthRoutes(deps),
    createTokenRoutes({ issue: deps.issueToken }),
    createCaRoutes({ authorityPem: () => certificates?.authorityPem }),
  ];
  return resources;
}

/** Everything that the datastore answers, on HTTP and HTTPS alike. */
export function createRequestHandler(
  deps: RequestHandlerDeps,
  options: RequestHandlerOptions,
): RequestListener {
  const { log, changes, catalogue, store, guard, isOwnName, certificates, activity, reasonsNotReady } = deps;
  const { note } = changes;
  const { downloads, metrics } = activity;
  const { registry, images, imports, accessTo, imageUpstreams } = deps;
  const { parser } = deps.parsing;
  const { root, version, trustedHosts } = options;
  const tickets = createDownloadTickets();
  const memory = createTransferMemory();
  const { watchAuthorize, watchAccess, watchOrigin } = createRefusalWatch(changes.noteRefusal);
  const authorize = watchAuthorize(createAuthorize({ guard, tickets }));
  const openImage = createImageOpener(root);
  const { digestOf } = catalogue;

  observeState(metrics, {
    version,
    parsing: deps.parsing.status,
    catalogue,
    registryState: () => registry?.state(),
    upstreams: deps.upstreams,
    imageUpstreams,
    runningDownloads: downloads.runningCount,
    disk: () => diskSpaceOf(root),
    isReady: () => reasonsNotReady().length === 0,
    tlsStatus: () => certificates?.status(),
  });
  // Nothing is imported only to find out who may have it.
  const access = images && watchAccess(accessTo(createReach(images.stored)));
  const sendSource = createSourceSender({ memory });
  const registryApi =
    registry &&
    images &&
    imports &&
    access &&
    createRegistryApi({ ...deps, note, ...images, parser, registry, imports, access, downloads, sendSource });
  const shown = createShownImages({ catalogue, upstreams: imageUpstreams });
  const ops = createImageOps({
    files: { ...deps, openImage, hash: deps.operationHasher.hash, checkByQemu, parser },
    registry: registryApi,
  });
  const resources = createResources(
    {
      ...{ ...deps, note, shown, registryApi, authorize, tickets, openImage, ops, sendSource },
      formatOf: createFormatOf(openImage, parser),
      listArtifacts: createArtifactList(
        registryApi && access && { access, artifacts: registryApi.artifacts },
      ),
      permit: createPermitOperation({ authorize, registry: registryApi }),
    },
    options,
  );
  const requireOrigin = watchOrigin(createRequireOrigin(isOwnName, trustedHosts));
  const writeAccessLog = createAccessLog({ log: deps.requestLog }, options.accessLog);
  const api = createApi({ log }, resources);
  const ofRegistry =
    images === undefined || access === undefined || registryApi === undefined
      ? []
      : [
          mountRepositories(api),
          mountArtifacts(
            createArtifactHandler({
              log,
              downloads,
              gate: registryApi.gate,
              tickets,
              artifacts: registryApi.artifacts,
              stored: images.stored,
              sendSource,
            }),
          ),
          mountRegistry(
            createRegistryHandler({
              ...{ log, note, downloads, store: images.shown, access, sendSource },
              prefixOf: deps.upstreams.prefixOf,
              onAnswered: metrics.noteRegistryRequest,
            }),
          ),
        ];
  return observeRequests(
    createRequestListener({ authorize, requireOrigin }, [
      mountTokens(api),
      mountOperations(api),
      ...ofRegistry,
      mountApi(api),
      mountImages(
        createFilesHandler({
          ...{ log, openImage, digestOf, isCorrupt: catalogue.isCorrupt, downloads, memory },
          remembered: createRememberedImages({}, root),
          absent: createDistantFiles({ log, upstreams: imageUpstreams, openImage, downloads, sendSource }),
        }),
        createPublishHandler({ log, note, store, openImage, digestOf }),
      ),
    ]),
    (request) => {
      metrics.noteRequest(request);
      writeAccessLog(request);
    },
  );
}
