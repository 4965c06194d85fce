// Asking the box: its envelope, its failures, and what is done when the session has ended meanwhile.
import { Refused, refusal, Unreached } from "./failure";
import { session } from "./session.svelte";

type Asking = { method?: string; data?: unknown; key?: string; signal?: AbortSignal };

/** One request in the envelope of `/v1`. */
export async function ask(path: string, { data, ...how }: Asking = {}): Promise<any> {
  return send(path, { ...how, body: data === undefined ? undefined : JSON.stringify({ data }) });
}

/** A query in GraphQL: all that a page shows, as of one moment. What is not there for this reader is null. */
export async function query<T>(text: string, variables: object = {}, signal?: AbortSignal): Promise<T> {
  const body = JSON.stringify({ query: text, variables });
  const told = await send("/graphql", { method: "POST", body, signal });
  if (!told.data) {
    const errors = (told.errors ?? []).map((error: any) => ({ code: error.extensions?.code, message: error.message }));
    throw new Refused(200, errors, told.errors?.[0]?.extensions?.requestId);
  }
  return told.data as T;
}

type Sending = { method?: string; body?: string; key?: string; signal?: AbortSignal };

/** Sends; where the session has ended, whoever sits there begins another one, and then it is sent again. */
async function send(path: string, { method = "GET", body, key, signal }: Sending): Promise<any> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key) headers["idempotency-key"] = key;
  for (;;) {
    let answer: Response;
    try {
      answer = await fetch(path, { method, headers, body, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Unreached();
    }
    const told = await answer.json().catch(() => ({}));
    const codes = (told.errors ?? []).map((error: any) => error.extensions?.code);
    if (answer.status === 401 || codes.includes("UNAUTHENTICATED")) {
      await session.again();
      continue;
    }
    if (!answer.ok) throw refusal(answer.status, told);
    return told;
  }
}

/** Sends a file and tells how much of it has gone. */
export async function sendFile(path: string, file: File, key: string, told: (share: number) => void): Promise<void> {
  for (;;) {
    const [status, text] = await new Promise<[number, string]>((done, failed) => {
      const request = new XMLHttpRequest();
      request.open("POST", path);
      request.setRequestHeader("accept", "application/json");
      request.setRequestHeader("idempotency-key", key);
      request.upload.onprogress = ({ loaded, total }) => told(total ? loaded / total : 0);
      request.onload = () => done([request.status, request.responseText]);
      request.onerror = () => failed(new Unreached());
      const form = new FormData();
      form.append("files", file, file.name);
      request.send(form);
    });
    if (status === 401) {
      await session.again();
      continue;
    }
    if (status >= 200 && status < 300) return;
    let answer;
    try {
      answer = JSON.parse(text);
    } catch {
      answer = {};
    }
    throw refusal(status, answer);
  }
}
