// Files on their way to an item of evidence, one after the other, whatever page is shown meanwhile.
import { sendFile } from "./ask";

export type Upload = { key: string; item: string; file: File; share: number; state: "waiting" | "going" | "done" | "failed"; why: string };

class Uploads {
  all: Upload[] = $state([]);
  #going = false;

  add(item: string, files: Iterable<File>) {
    for (const file of files) {
      this.all.push({ key: crypto.randomUUID(), item, file, share: 0, state: "waiting", why: "" });
    }
    void this.#go();
  }

  again(upload: Upload) {
    upload.state = "waiting";
    void this.#go();
  }

  of(item: string) {
    return this.all.filter((upload) => upload.item === item);
  }

  get busy() {
    return this.all.some((upload) => upload.state === "waiting" || upload.state === "going");
  }

  forget(item: string) {
    this.all = this.all.filter((upload) => upload.item !== item || upload.state !== "done");
  }

  async #go() {
    if (this.#going) return;
    this.#going = true;
    for (let next; (next = this.all.find((upload) => upload.state === "waiting")); ) {
      next.state = "going";
      try {
        const { item, file, key } = next;
        const upload = next;
        await sendFile(`/v1/evidence/${item}/files`, file, key, (share) => (upload.share = share));
        next.state = "done";
      } catch (error) {
        [next.state, next.why] = ["failed", (error as Error).message];
      }
    }
    this.#going = false;
  }
}

export const uploads = new Uploads();

addEventListener("beforeunload", (event) => {
  if (uploads.busy) event.preventDefault();
});
