// What happens, as it happens: one socket, by the session's cookie. A page says what it watches and is told that it changed.
import { untrack } from "svelte";
import { session } from "./session.svelte";

export type Event = {
  eventType: string;
  eventId: string;
  sequence: number;
  caseId: string | null;
  severity: string;
  triggeredAt: string;
  entityIds: string[];
  evidenceIds: string[];
  reportId: string | null;
  reviewPath: string | null;
  data: { kind: string; id: string; changes?: any };
};

export type News = { id: string; severity: string; path: string; handling: string; entry: string; reason: string; contact: string; at: string };

const ALERTS = ["watchlist.matched", "case.alert.*"];
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** Many changes at once are one look, and one look leaves the box in peace for a while. */
const SETTLE = 250;
const BETWEEN_LOOKS = 2_000;
/** A network that goes without a word is noticed by a question that nobody answers. */
const ASK_EVERY = 25_000;
const ANSWER_WITHIN = 10_000;
const NEWS_MAX = 50;

class Live {
  state: "off" | "on" | "lost" = $state("off");
  /** New alerts that nobody here has looked at or put aside. */
  news: News[] = $state([]);
  #socket: WebSocket | undefined;
  #wait = FIRST_WAIT;
  #timer: number | undefined;
  #after: number | undefined;
  #watched: { filter: object; changed: () => void } | undefined;
  #settling: number | undefined;
  #looked = 0;
  #asking: number | undefined;
  #heard = 0;

  begin() {
    if (this.#socket || !session.me?.lanes.includes("events")) return;
    const socket = new WebSocket(new URL("/v1/events", location.href.replace(/^http/, "ws")));
    this.#socket = socket;
    socket.onopen = () => this.#say({ op: "subscribe", id: "alerts", filter: { eventTypes: ALERTS }, after: this.#after });
    socket.onmessage = (message) => this.#hear(JSON.parse(message.data));
    socket.onclose = ({ code }) => this.#closed(socket, code);
    clearInterval(this.#asking);
    this.#asking = setInterval(() => this.#isThere(socket), ASK_EVERY);
  }

  /** Tells when what the page shows has changed; one page at a time. */
  watch(filter: object, changed: () => void): () => void {
    const watched = { filter, changed };
    this.#watched = watched;
    this.#sayOfPage({ op: "subscribe", id: "page", filter });
    return () => {
      if (this.#watched !== watched) return;
      this.#watched = undefined;
      clearTimeout(this.#settling);
      this.#settling = undefined;
      this.#sayOfPage({ op: "unsubscribe", id: "page" });
    };
  }

  putAside() {
    this.news = [];
  }

  /** An alert was seen, or the page of a path. */
  seen(what: string) {
    this.news = this.news.filter((news) => news.id !== what && news.path !== what);
  }

  /** A page begins anew when another record is asked for, and not when the connection comes or goes. */
  #sayOfPage(frame: object) {
    if (untrack(() => this.state) === "on") this.#say(frame);
  }

  #say(frame: object) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** The browser itself says nothing of a connection that is gone at the other end. */
  #isThere(socket: WebSocket) {
    if (socket !== this.#socket || socket.readyState !== WebSocket.OPEN) return;
    const asked = Date.now();
    this.#say({ op: "ping" });
    setTimeout(() => {
      if (this.#heard >= asked || socket !== this.#socket) return;
      // Its own farewell may take minutes.
      socket.close();
      this.#closed(socket, 1006);
    }, ANSWER_WITHIN);
  }

  #hear(frame: any) {
    this.#heard = Date.now();
    if (frame.op === "event" && frame.id === "page") return this.#changed();
    if (frame.op === "event") return this.#alert(frame.event);
    if (frame.op === "caughtUp" && frame.id === "alerts") this.#caughtUp(frame.sequence);
    if (frame.op === "lagged") this.#socket?.close();
    // A place of before a restore: what was missed meanwhile is on the pages, not in the news.
    if (frame.op === "error" && frame.id === "alerts" && this.#after !== undefined) {
      this.#after = undefined;
      this.#socket?.close();
    }
  }

  #caughtUp(sequence: number) {
    const wasLost = this.state === "lost";
    this.#after = sequence;
    this.#wait = FIRST_WAIT;
    this.state = "on";
    if (this.#watched) this.#say({ op: "subscribe", id: "page", filter: this.#watched.filter });
    if (wasLost) this.#changed();
  }

  #alert(event: Event) {
    this.#after = event.sequence;
    const raised = event.eventType === "watchlist.matched" || event.eventType === "case.alert.priority_raised";
    if (!raised || !event.reviewPath) return;
    // An alert about something in a case is told by two events: the case's own leads where one looks.
    const changes = event.data.changes ?? {};
    const id = changes.alerts?.alert_id ?? event.data.id;
    const known = this.news.find((news) => news.id === id);
    const path = known && !event.caseId ? known.path : event.reviewPath;
    const { handling = "", entry = "", reason = "", contact = "" } = { ...known, ...changes };
    const news = { id, severity: event.severity, path, handling, entry, reason, contact, at: event.triggeredAt };
    this.news = [news, ...this.news.filter((one) => one !== known)].slice(0, NEWS_MAX);
  }

  #changed() {
    if (this.#settling) return;
    const wait = Math.max(SETTLE, this.#looked + BETWEEN_LOOKS - Date.now());
    this.#settling = setTimeout(() => {
      [this.#settling, this.#looked] = [undefined, Date.now()];
      this.#watched?.changed();
    }, wait);
  }

  #closed(socket: WebSocket, code: number) {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    clearTimeout(this.#timer);
    clearInterval(this.#asking);
    if (code === 4403) {
      this.state = "off";
      return;
    }
    this.state = "lost";
    if (code === 4401) {
      void session.again().then(() => this.begin());
      return;
    }
    const wait = this.#wait * (0.75 + Math.random() / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.#timer = setTimeout(() => this.begin(), wait);
  }
}

export const live = new Live();
addEventListener("online", () => live.begin());
