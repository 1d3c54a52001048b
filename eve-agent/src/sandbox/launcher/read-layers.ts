/** What the kernel says of a process, from `/proc/<pid>`. */
export interface LayersInForce {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** Bit masks of capabilities; 0: none. */
  readonly capEff: bigint;
  readonly capPrm: bigint;
  readonly capBnd: bigint;
  readonly capAmb: bigint;
  readonly noNewPrivs: boolean;
  /** 0: none, 1: strict, 2: by filter. */
  readonly seccomp: number;
  readonly seccompFilters: number;
  /** Whether each is another than this process has. */
  readonly ownNamespaces: {
    readonly net: boolean;
    readonly mnt: boolean;
    readonly ipc: boolean;
    readonly uts: boolean;
    readonly user: boolean;
  };
}
