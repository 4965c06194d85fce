// Which page the address names, and going to another one without asking the box for the document again.

export type Page =
  | { name: "home" }
  | { name: "cases" }
  | { name: "case"; id: string; severity: string }
  | { name: "entity"; id: string }
  | { name: "evidence"; id: string }
  | { name: "new-item" }
  | { name: "report"; id: string }
  | { name: "nothing" };

const FORMS: [RegExp, (parts: string[]) => Page][] = [
  [/^\/$/, () => ({ name: "home" })],
  [/^\/cases$/, () => ({ name: "cases" })],
  [/^\/cases\/([^/]+)$/, ([id]) => ({ name: "case", id, severity: "" })],
  [/^\/cases\/([^/]+)\/alerts\/([^/]+)$/, ([id, severity]) => ({ name: "case", id, severity })],
  [/^\/entities\/([^/]+)$/, ([id]) => ({ name: "entity", id })],
  [/^\/evidence\/new$/, () => ({ name: "new-item" })],
  [/^\/evidence\/([^/]+)$/, ([id]) => ({ name: "evidence", id })],
  [/^\/reports\/([^/]+)$/, ([id]) => ({ name: "report", id })],
];

function pageOf(path: string): Page {
  const trimmed = path.replace(/\/+$/, "") || "/";
  for (const [form, page] of FORMS) {
    const parts = form.exec(trimmed);
    if (!parts) continue;
    try {
      return page(parts.slice(1).map(decodeURIComponent));
    } catch {
      break;
    }
  }
  return { name: "nothing" };
}

class Route {
  page: Page = $state(pageOf(location.pathname));
  query = $state(new URLSearchParams(location.search));

  /** Follows the address, whoever changed it. */
  follow() {
    this.page = pageOf(location.pathname);
    this.query = new URLSearchParams(location.search);
  }

  /** Goes to a page of ours. */
  go(to: string, { replace = false } = {}) {
    if (replace) history.replaceState(null, "", to);
    else history.pushState(null, "", to);
    this.follow();
  }
}

export const route = new Route();

let arriving = false;

/** A new page begins at its top for who reads by ear, or goes by keys: its heading has the focus as soon as it is there. */
export function arrive(anew = false) {
  arriving ||= anew;
  const heading = arriving && document.querySelector<HTMLElement>("main h1");
  if (!heading) return;
  arriving = false;
  if (!document.activeElement?.matches("input, textarea, select")) heading.focus({ preventScroll: true });
}

/** Takes clicks on links to our own pages; everything else stays the browser's. */
export function takeClicks(event: MouseEvent) {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.hash && link.pathname === location.pathname) return;
  if (pageOf(link.pathname).name === "nothing") return;
  event.preventDefault();
  route.go(link.pathname + link.search + link.hash);
  scrollTo(0, 0);
}
