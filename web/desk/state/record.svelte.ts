// What a page shows: asked when its address changes, and asked again, quietly, when it changed.
import { query } from "./ask";
import { Refused } from "./failure";
import { live } from "./live.svelte";
import { title } from "./title";

export class Shown<T> {
  value: T | undefined = $state.raw(undefined);
  state: "loading" | "ready" | "missing" | "failed" = $state("loading");
  error = $state("");
  #turn = 0;
  #again: (() => Promise<void>) | undefined;

  /** For a page of one record, while it is made: shows what a query finds under `root`, keeps it as it is, and names the tab after it. */
  follow(text: string, root: string, { id, watching, named }: { id: () => string; watching: () => object; named: (record: T) => string }) {
    $effect(() => {
      const leaving = new AbortController();
      const wanted = id();
      void this.load(async (signal) => (await query<any>(text, { id: wanted }, signal))[root], leaving.signal);
      return () => leaving.abort();
    });
    $effect(() => live.watch(watching(), () => this.refresh()));
    $effect(() => {
      if (this.value) title(named(this.value));
    });
  }

  /** Asks; `undefined` or null says that there is no such record, or none for this reader. */
  async load(find: (signal: AbortSignal) => Promise<T | null | undefined>, signal: AbortSignal) {
    this.value = undefined;
    this.state = "loading";
    this.#again = () => this.#ask(find, signal);
    await this.#again();
  }

  /** Asks again and goes on showing what there is meanwhile. */
  async refresh() {
    await this.#again?.();
  }

  async #ask(find: (signal: AbortSignal) => Promise<T | null | undefined>, signal: AbortSignal) {
    const turn = ++this.#turn;
    try {
      const found = await find(signal);
      if (turn !== this.#turn || signal.aborted) return;
      this.value = found ?? undefined;
      this.state = found ? "ready" : "missing";
    } catch (error) {
      if (turn !== this.#turn || signal.aborted) return;
      if (this.value !== undefined) return;
      this.state = "failed";
      this.error = error instanceof Refused && error.requestId ? `${error.message} The box’s log has it as ${error.requestId}.` : (error as Error).message;
    }
  }
}
