// What was typed and not sent yet. It stays with this tab, over a reload and a session that ended, and goes when somebody signs out.

const PREFIX = "blotter:draft:";

export const drafts = {
  read<T>(name: string): T | undefined {
    try {
      return JSON.parse(sessionStorage.getItem(PREFIX + name) ?? "null") ?? undefined;
    } catch {
      return undefined;
    }
  },
  keep(name: string, draft: unknown) {
    try {
      sessionStorage.setItem(PREFIX + name, JSON.stringify(draft));
    } catch {
      // A browser that keeps nothing: the page itself still does.
    }
  },
  forget(name: string) {
    sessionStorage.removeItem(PREFIX + name);
  },
  clear() {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
  },
};
