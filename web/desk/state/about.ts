// What an alert is about, in a line: a query's part, and the name of what it gives.
import { plain } from "./words";

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
