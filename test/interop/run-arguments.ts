// SPDX-License-Identifier: Apache-2.0
/** Brings what a command of Docker's sends, and what our own mapping makes, into one form. */

/** Whose keys are names of their own, not fields: they are kept as they are. */
const MAPS = new Set([
  ...['ExposedPorts', 'Volumes', 'Labels', 'Tmpfs', 'StorageOpt', 'Sysctls', 'Annotations', 'PortBindings'],
  ...['Options', 'DriverOpts', 'Config'],
]);
/** Empty is other than absent. */
const EMPTY_LISTS = new Set(['MaskedPaths', 'ReadonlyPaths']);
/** What says as much as its absence. */
const DEFAULTS: Readonly<Record<string, unknown>> = { MemorySwappiness: -1 };

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function normalizeField(key: string, value: unknown): unknown {
  if (Array.isArray(value)) {
    if (value.length === 0 && !EMPTY_LISTS.has(key)) return undefined;
    return value.map((entry) => (isFields(entry) ? normalizeFields(entry) : entry));
  }
  if (isFields(value)) {
    const fields = MAPS.has(key) ? value : normalizeFields(value);
    return Object.keys(fields).length === 0 ? undefined : fields;
  }
  return value === null || value === false || value === 0 || value === '' || DEFAULTS[key] === value
    ? undefined
    : value;
}

/** Without what is as good as absent to the engine. */
function normalizeFields(fields: Fields): Fields {
  const entries = Object.entries(fields).map(([key, value]) => [key, normalizeField(key, value)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** As newer commands do themselves, and each engine does. */
function normalizeCapabilities(names: readonly string[]): string[] {
  const full = names.map((name) => name.toUpperCase().replace(/^(?!ALL$|CAP_)/, 'CAP_'));
  return [...new Set(full)].sort();
}

/**
 * The body of a request for a container in one form: without what is absent in effect; what the command takes from a
 * map of Go's, in no order, sorted; the MAC address in one place, whichever version of the API it is for.
 */
export function normalizeContainer(body: Fields): Fields {
  const copy = structuredClone(body);
  const host = (copy.HostConfig ?? {}) as Fields;
  const networking = (copy.NetworkingConfig ?? {}) as Fields;
  const endpoints = (networking.EndpointsConfig ?? {}) as Record<string, Fields>;
  const first = endpoints[String(host.NetworkMode)];
  const mac = first?.MacAddress || copy.MacAddress;
  delete first?.MacAddress;
  delete copy.NetworkingConfig;
  delete copy.MacAddress;
  delete host.ConsoleSize;
  // What is kept, the agent removes.
  delete host.AutoRemove;
  if ((host.RestartPolicy as Fields | undefined)?.Name === 'no') delete host.RestartPolicy;
  if (Array.isArray(host.Binds)) host.Binds.sort();
  for (const key of ['CapAdd', 'CapDrop']) host[key] = normalizeCapabilities((host[key] ?? []) as string[]);
  if (Array.isArray(copy.Env)) copy.Env.sort();
  const networks = Object.entries(endpoints).map(
    ([name, fields]) => [name, normalizeFields(fields)] as const,
  );
  return {
    ...normalizeFields(copy),
    mac,
    networks: Object.fromEntries(
      networks.filter(([, fields]) => networks.length > 1 || Object.keys(fields).length > 0),
    ),
  };
}
