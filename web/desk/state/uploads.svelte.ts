// Files on their way to an item of evidence, one after the other, whatever page is shown meanwhile.
import { sendFile } from "./ask";
import { Unreached } from "./failure";

export type Item = { id: string; displayId: string };
/** One that is `lost` could not be sent for want of a connection, and is sent again; one that is `failed` the box refused. */
export type Upload = { key: string; item: Item; file: File; share: number; state: "waiting" | "going" | "done" | "lost" | "failed"; why: string };

const AGAIN_AFTER = 15_000;

class Uploads {
  all: Upload[] = $state([]);
  #going = false;
  #timer: number | undefined;

  add(item: Item, files: Iterable<File>) {
    for (const file of files) {
      this.all.push({ key: crypto.randomUUID(), item, file, share: 0, state: "waiting", why: "" });
    }
    void this.#go();
  }

  again(upload: Upload) {
    upload.state = "waiting";
    void this.#go();
  }

  /** The connection may be back. */
  resume() {
    clearTimeout(this.#timer);
    for (const upload of this.all) if (upload.state === "lost") upload.state = "waiting";
    void this.#go();
  }

  /** Gives a file up that the box refuses. */
  giveUp(upload: Upload) {
    this.all = this.all.filter((one) => one.key !== upload.key);
  }

  of(item: string) {
    return this.all.filter((upload) => upload.item.id === item);
  }

  get unsent() {
    return this.all.filter((upload) => upload.state === "lost" || upload.state === "failed");
  }

  forget(item: string) {
    this.all = this.all.filter((upload) => upload.item.id !== item || upload.state !== "done");
  }

  async #go() {
    if (this.#going) return;
    this.#going = true;
    for (let next; (next = this.all.find((upload) => upload.state === "waiting")); ) {
      next.state = "going";
      try {
        const { item, file, key } = next;
        const upload = next;
        await sendFile(`/v1/evidence/${item.id}/files`, file, key, (share) => (upload.share = share));
        next.state = "done";
      } catch (error) {
        [next.state, next.why] = [error instanceof Unreached ? "lost" : "failed", (error as Error).message];
      }
    }
    this.#going = false;
    clearTimeout(this.#timer);
    if (this.all.some((upload) => upload.state === "lost")) this.#timer = setTimeout(() => this.resume(), AGAIN_AFTER);
  }
}

export const uploads = new Uploads();

addEventListener("online", () => uploads.resume());
addEventListener("beforeunload", (event) => {
  if (uploads.all.some((upload) => upload.state !== "done")) event.preventDefault();
});
