// Lists of which a page shows a part: how many there are, the first of them, and what follows.
import { query } from "./ask";

export type Part<T = any> = { nodes: T[]; totalCount: number | null; pageInfo: { hasNextPage: boolean; endCursor: string | null } };

const NEXT = 100;

/** A list by its name in the schema, what is asked of each row, and how many come first. */
export function listOf(name: string, fields: string, first = 50, how = "") {
  const text = (from: string) => `${name}: ${name}Connection(${from}${how}) { totalCount pageInfo { hasNextPage endCursor } nodes { ${fields} } }`;
  return {
    /** For the query of the page. */
    first: text(`first: ${first}`),
    /** What follows in the list of a record, or in that of all of them. */
    following: (of?: { root: string; id: string }) => async (after: string) => {
      const part = text(`first: ${NEXT}, after: ${JSON.stringify(after)}`);
      const told = await query<any>(`query More { ${of ? `of: ${of.root}(id: ${JSON.stringify(of.id)}) { ${part} }` : part} }`);
      return (of ? told.of : told)?.[name] as Part;
    },
  };
}
