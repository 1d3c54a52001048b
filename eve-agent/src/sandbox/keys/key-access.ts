/** A key that another value was written to, or that is no more. */
export interface SeenKey {
  readonly path: readonly string[];
  /** null: it was deleted. */
  readonly value: Uint8Array | null;
  readonly actor: string;
}

/** What handlers use of the key-value store: priv's own side, synchronous and without rights. */
export interface KeyAccess {
  read(path: readonly string[]): Uint8Array | undefined;
  /** @throws StoreError for what is too large or too much */
  write(actor: string, path: readonly string[], value: Uint8Array): void;
  /** @throws StoreError where there is no such key */
  delete(actor: string, path: readonly string[]): void;
  /** Tells of changes before the call returns that made them. The returned function ends it. */
  watch(pattern: string, onChange: (change: SeenKey) => void): () => void;
}
