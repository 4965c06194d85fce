// Alerts, and what each is about in a line: parts of queries, and the name of what they give.
import { listOf } from "./lists";
import { plain } from "./words";

/** What an alert says of itself. */
export const ALERT = "id status severity reason entry handling contact createdAt dismissedBecause escalatedTo";

/** The lists of alerts and notes that most records have. */
export const ALERTS = listOf("alerts", ALERT, 30);
export const NOTES = listOf("notes", "id text category author createdAt", 30);

export const ABOUT = `__typename reviewPath
  ... on Entity { displayName }
  ... on Report { displayId about: description }
  ... on Evidence { displayId item: description }
  ... on Investigation { title }
  ... on TimelineEntry { happened: description }
  ... on ChatMessage { text }
  ... on Note { text }`;

export function nameOf(record: any): string {
  const { __typename: kind, displayName, displayId, about, item, title, happened, text } = record;
  if (displayName) return displayName;
  if (about !== undefined) return `Report ${displayId}: ${about ?? ""}`;
  if (item !== undefined) return `${displayId}: ${item ?? ""}`;
  return title ?? happened ?? text ?? plain(kind);
}
