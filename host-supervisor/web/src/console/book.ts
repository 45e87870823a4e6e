// A list that is read once and then kept true by what the daemon tells: rows newest first, each once.

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Page } from "./calls.ts";

export type State = "loading" | "there" | { readonly trouble: unknown };

export interface Kind<T> {
  readonly load: (after: string | null) => Promise<Page<T>>;
  readonly id: (row: T) => string;
  readonly madeAt: (row: T) => string;
}

export class Book<T> {
  readonly state = signal<State>("loading");
  /** Where older rows begin; `null` when there are none. */
  readonly next = signal<string | null>(null);
  readonly rows: ReadonlySignal<readonly T[]>;
  private readonly byId = signal<ReadonlyMap<string, T>>(new Map());
  /** What was told since the last drawing, or while the list is read. */
  private told = new Map<string, T | null>();
  private reading = false;
  /** It has to be read once more. */
  private stale = false;
  private drawing = false;

  constructor(private readonly kind: Kind<T>) {
    this.rows = computed(() => newestFirst([...this.byId.value.values()], kind));
  }

  get(id: string): T | undefined {
    return this.byId.value.get(id);
  }

  /** Reads the list anew; what is told meanwhile is newer than what is read. */
  async read(): Promise<void> {
    if (this.reading) {
      this.stale = true;
      return;
    }
    this.reading = true;
    this.stale = false;
    try {
      const { rows, next } = await this.kind.load(null);
      this.byId.value = new Map(rows.map((row) => [this.kind.id(row), row]));
      this.next.value = next;
      this.state.value = "there";
    } catch (trouble) {
      this.state.value = { trouble };
    }
    this.reading = false;
    this.write();
    if (this.stale) await this.read();
  }

  async readOlder(): Promise<void> {
    const { rows, next } = await this.kind.load(this.next.value);
    const all = new Map(this.byId.value);
    for (const row of rows) if (!all.has(this.kind.id(row))) all.set(this.kind.id(row), row);
    this.byId.value = all;
    this.next.value = next;
  }

  put(row: T): void {
    this.told.set(this.kind.id(row), row);
    this.draw();
  }

  remove(id: string): void {
    this.told.set(id, null);
    this.draw();
  }

  /** Many changes of one moment are one drawing. */
  private draw(): void {
    if (this.drawing) return;
    this.drawing = true;
    setTimeout(() => {
      this.drawing = false;
      this.write();
    }, 30);
  }

  private write(): void {
    if (this.reading || this.told.size === 0) return;
    const all = new Map(this.byId.value);
    for (const [id, row] of this.told) {
      if (row === null) all.delete(id);
      else all.set(id, row);
    }
    this.told = new Map();
    this.byId.value = all;
  }
}

function newestFirst<T>(rows: T[], { madeAt, id }: Kind<T>): readonly T[] {
  const keyed = rows.map((row) => ({ row, key: madeAt(row), id: id(row) }));
  keyed.sort((a, b) => (a.key === b.key ? (a.id < b.id ? -1 : 1) : a.key < b.key ? 1 : -1));
  return keyed.map(({ row }) => row);
}
