// Words of the record as people read them, and times as they lie for the reader.

export const SEVERITIES = ["critical", "high", "medium", "low"];

const WORDS: Record<string, string> = {
  dob: "Born",
  vin: "VIN",
  url: "Address",
  "timeline-entry": "Timeline",
  "chat-message": "Message",
};

const KINDS: Record<string, string> = {
  case: "Cases",
  person: "Persons",
  vehicle: "Vehicles",
  place: "Places",
  phone: "Phones",
  organization: "Organizations",
  item: "Things",
  account: "Accounts",
  report: "Reports",
  note: "Notes",
};

/** The heading over records of a kind. */
export const heading = (kind: string) => KINDS[kind] ?? plain(kind);

/** `digital-extraction` → `Digital extraction`. */
export function plain(word: string | null | undefined): string {
  if (!word) return "";
  const known = WORDS[word];
  if (known) return known;
  const text = word.replace(/[-_]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A message of the box as a sentence. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return !begun || /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** Who did something, where the record names a credential and no person. */
export function who(by: string | null | undefined): string {
  // Whoever works at the box itself.
  if (by === "owner" || by === "command line") return "the command line";
  if (!by?.includes(":")) return by ?? "";
  return by.startsWith("key:") ? "a program" : "somebody signed in";
}

export function bytes(size: number): string {
  const steps = ["bytes", "KB", "MB", "GB"];
  let step = 0;
  while (size >= 1000 && step < steps.length - 1) (size /= 1000), step++;
  return `${size < 10 && step ? size.toFixed(1) : Math.round(size)} ${steps[step]}`;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? `1 ${one}` : `${count} ${many}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayAndMonth = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const wholeDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const exactly = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

const dayOf = (at: Date) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();

/** The day as one says it: today, yesterday, a weekday of late, else the date. */
function day(at: Date): string {
  const days = Math.round((dayOf(new Date()) - dayOf(at)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return (days > 1 && days < 180 ? dayAndMonth : wholeDay).format(at);
}

export const when = (at: Date) => `${day(at)}, ${clock.format(at)}`;
/** Within a sentence: weekdays and months keep their capital. */
export const within = (when: string) => when.replace(/^(Today|Yesterday)/, (day) => day.toLowerCase());
export const time = (at: Date) => clock.format(at);
/** As paper has it, on which no day is today. */
export const whole = (at: Date) => `${wholeDay.format(at)}, ${clock.format(at)}`;
export const exact = (at: Date) => `${exactly.format(at)} (${at.toISOString()})`;
export const dayHeading = (at: Date) => longDay.format(at);

/** `2026-11-16T02:40` of the reader's clock, as the field for it holds it. */
export function localField(at: Date): string {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** The page of a hit: its own, or that of what it belongs to. */
export function pathOf(hit: { kind: string; id: string; display_id: string; case_ids: string[] }): string {
  const id = encodeURIComponent(hit.display_id || hit.id);
  if (hit.kind === "case") return `/cases/${id}`;
  if (hit.kind === "evidence") return `/evidence/${id}`;
  if (hit.kind === "report") return `/reports/${id}`;
  if (ENTITIES.includes(hit.kind)) return `/entities/${id}`;
  const [inner, number] = hit.case_ids;
  return inner ? `/cases/${encodeURIComponent(number ?? inner)}` : "/";
}

const ENTITIES = ["person", "vehicle", "place", "phone", "organization", "item", "account", "entity"];

export type Part = { text: string; hit: boolean };

/** A snippet's parts: the text, and what of it matched. It comes as HTML, but never becomes any here. */
export function partsOf(snippet: string): Part[] {
  const parts = snippet.split(/<\/?mark>/);
  return parts.map((part, place) => ({ text: unescaped(part), hit: place % 2 === 1 })).filter((part) => part.text);
}

const SIGNS: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'", "#34": '"' };

const unescaped = (text: string) => text.replace(/&(#?\w+);/g, (whole, name) => SIGNS[name] ?? whole);
