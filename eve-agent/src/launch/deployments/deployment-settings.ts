import * as z from 'zod';

/** How a container is asked whether it works, besides whether it runs. */
export type HealthSetting =
  /** As the image itself says; where it says nothing, that it runs is enough. */
  | { readonly kind: 'image' }
  /** That it runs is enough. */
  | { readonly kind: 'none' }
  | ((
      | { readonly kind: 'http'; readonly port: number; readonly path: string }
      | { readonly kind: 'tcp'; readonly port: number }
      | { readonly kind: 'command'; readonly command: readonly string[] }
    ) &
      HealthTimes);

interface HealthTimes {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** By when it must be healthy, from its start. */
  readonly withinMs: number;
}

/** One deployment, as the configuration has it. */
export interface DeploymentSettings {
  readonly name: string;
  /** Of `docker run`. */
  readonly args: readonly string[] | string;
  /** What `pull` takes where the request names nothing. */
  readonly image: string | null;
  readonly health: HealthSetting;
  /** How long a new version is watched before the old one is given up. */
  readonly settleMs: number;
  /** How many old versions stay for `rollback`. */
  readonly keep: number;
  /** What a container is given to end by itself. */
  readonly stopSeconds: number;
  readonly allow: readonly string[];
  readonly allowedHostPaths: readonly string[];
}

const DEFAULT_SETTLE_MS = 5000;
const DEFAULT_KEEP = 1;
const MAX_KEEP = 20;
/** Docker's own. */
const DEFAULT_STOP_SECONDS = 10;
const DEFAULT_TIMES: HealthTimes = { intervalMs: 500, timeoutMs: 5000, withinMs: 60_000 };
const MAX_SECONDS = 3600;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Milliseconds from a number of seconds, or a text such as `500ms`, `10s` and `2m`. */
const duration = (leastMs: number) => {
  const error = `a time expected, such as 10, "10s" or "500ms", at most an hour`;
  return z
    .union([z.number(), z.string()], { error })
    .transform((value) => {
      const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(String(value));
      return match === null ? Number.NaN : Math.round(Number(match[1]) * (UNIT_MS[match[2] ?? 's'] ?? 1000));
    })
    .refine((ms) => ms >= leastMs && ms <= MAX_SECONDS * 1000, { error });
};
const port = () => {
  const error = 'a port of the container from 1 to 65535 expected';
  return z.int({ error }).min(1, { error }).max(65_535, { error });
};
const text = () => z.string({ error: 'a text expected' }).min(1, { error: 'a text expected' });
/** No line break or blank may end a request line early. */
const httpPath = () =>
  z.string().regex(/^\/[\x21-\x7e]{0,1023}$/, { error: 'a path such as /healthz expected' });

const HEALTH_ERROR = '"image", "none" or an object with "http", "tcp" or "command" expected';
const healthSchema = z.union(
  [
    z.literal(['image', 'none']).transform((kind): HealthSetting => ({ kind })),
    z
      .strictObject({
        http: z.strictObject({ port: port(), path: httpPath().default('/') }).optional(),
        tcp: z.strictObject({ port: port() }).optional(),
        command: z.array(text(), { error: 'a list of texts expected' }).min(1).optional(),
        interval: duration(100).default(DEFAULT_TIMES.intervalMs),
        timeout: duration(100).default(DEFAULT_TIMES.timeoutMs),
        within: duration(100).default(DEFAULT_TIMES.withinMs),
      })
      .transform(({ http, tcp, command, interval, timeout, within }, context): HealthSetting => {
        const times = { intervalMs: interval, timeoutMs: timeout, withinMs: within };
        const found: HealthSetting[] = [
          ...(http === undefined ? [] : [{ kind: 'http' as const, ...http, ...times }]),
          ...(tcp === undefined ? [] : [{ kind: 'tcp' as const, ...tcp, ...times }]),
          ...(command === undefined ? [] : [{ kind: 'command' as const, command, ...times }]),
        ];
        const [first, ...rest] = found;
        if (first !== undefined && rest.length === 0) return first;
        context.addIssue({ code: 'custom', message: 'one of "http", "tcp" and "command" expected' });
        return z.NEVER;
      }),
  ],
  { error: HEALTH_ERROR },
);

const deploymentSchema = z.looseObject({
  name: z.string(),
  args: z
    .union([z.array(z.string({ error: 'a list of texts expected' })).max(1000), z.string()], {
      error: 'a list of texts expected',
    })
    .nullish(),
  image: text().optional(),
  health: healthSchema.default({ kind: 'image' }),
  settle: duration(0).default(DEFAULT_SETTLE_MS),
  keep: z
    .int()
    .min(0)
    .max(MAX_KEEP, { error: `a number from 0 to ${MAX_KEEP} expected` })
    .default(DEFAULT_KEEP),
  stopTimeout: duration(0).default(DEFAULT_STOP_SECONDS * 1000),
  allow: z.array(text()).default([]),
  allowedHostPaths: z.array(text().startsWith('/', { error: 'absolute paths expected' })).default([]),
});

export type ParsedDeployment = { readonly unknown: readonly string[] } & (
  | { readonly problem: null; readonly settings: DeploymentSettings }
  | { readonly problem: string }
);

/**
 * Reads one entry of `deployments`.
 *
 * @param common what all deployments are permitted
 */
export function parseDeployment(
  entry: { readonly name: string },
  common: { readonly allow: readonly string[]; readonly allowedHostPaths: readonly string[] },
): ParsedDeployment {
  const known = Object.keys(deploymentSchema.shape);
  const unknown = Object.keys(entry).filter((key) => !known.includes(key));
  const parsed = deploymentSchema.safeParse(entry);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    return { unknown, problem: reasons.join('; ') };
  }
  const { name, args, image, health, settle, keep, stopTimeout, allow, allowedHostPaths } = parsed.data;
  return {
    unknown,
    problem: null,
    settings: {
      name,
      args: args ?? [],
      image: image ?? null,
      ...{ health, keep, settleMs: settle },
      stopSeconds: Math.ceil(stopTimeout / 1000),
      allow: [...common.allow, ...allow],
      allowedHostPaths: [...common.allowedHostPaths, ...allowedHostPaths],
    },
  };
}
