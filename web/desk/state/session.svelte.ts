// Who sits here. A session that has ended is asked for again over the page, which keeps what it shows and what was typed.
import { drafts } from "./drafts";
import { refusal, Unreached } from "./failure";

export type Me = { id: string; name: string; role: string; agency: string; scopes: string[]; lanes: string[] };

const JSON_ALONE = { accept: "application/json" };

class Session {
  /** `undefined` until it is known. */
  me: Me | null | undefined = $state(undefined);
  /** The session of this page has ended; the page is covered until somebody signs in. */
  ended = $state(false);
  /** Nobody could be asked who it is. */
  unreached = $state(false);
  #waiting: (() => void)[] = [];

  async begin() {
    this.unreached = false;
    try {
      const answer = await fetch("/v1/session", { headers: JSON_ALONE });
      if (answer.ok) this.me = (await answer.json()).data;
      else if (answer.status === 401) this.me = null;
      else this.unreached = true;
    } catch {
      this.unreached = true;
    }
  }

  /** Waits until somebody has signed in again. */
  again(): Promise<void> {
    this.ended = true;
    return new Promise((resume) => this.#waiting.push(resume));
  }

  async signIn(email: string, password: string) {
    let answer: Response;
    try {
      const headers = { ...JSON_ALONE, "content-type": "application/json" };
      answer = await fetch("/v1/session", { method: "POST", headers, body: JSON.stringify({ data: { email, password } }) });
    } catch {
      throw new Unreached();
    }
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw refusal(answer.status, told);
    const me: Me = told.data;
    if (this.me && this.me.id !== me.id) {
      // Somebody else: nothing of the one before may be left on the page.
      drafts.clear();
      location.reload();
      return;
    }
    this.me = me;
    this.ended = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  async signOut() {
    drafts.clear();
    await fetch("/v1/session", { method: "DELETE", headers: JSON_ALONE }).catch(() => {});
    location.assign("/");
  }

  may(scope: string) {
    return !!this.me && (this.me.scopes.includes(scope) || this.me.scopes.includes("*"));
  }
}

export const session = new Session();
