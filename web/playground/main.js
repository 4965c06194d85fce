// The playground: GraphiQL with its editors and workers from this server, and nothing from anywhere else.
import "@graphiql/react/style.css";
import "graphiql/graphiql.css";
import "./page.css";
import "./workers.js";

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createElement } from "react";
import { createRoot } from "react-dom/client";

const START = `# Ask with a key: put it into Headers below, as
#   { "Authorization": "Bearer ak_…" }
# Where there is none, the session of this browser asks. Ctrl-Enter runs what is below.

query Kinds {
  __schema {
    queryType {
      fields {
        name
        description
      }
    }
  }
}
`;

/** Asks this server; where no key was put in, with the session alone. */
function ask(to, options) {
  const headers = new Headers(options.headers);
  if (/^bearer\s*$/i.test(headers.get("authorization") ?? "")) headers.delete("authorization");
  return fetch(to, { ...options, headers, credentials: "same-origin" });
}

// What is put into Headers goes with the beginning of the socket; a socket of its own for each run, so that another key counts.
const url = `${window.location.origin}/graphql`;
const fetcher = createGraphiQLFetcher({ url, subscriptionUrl: `${url.replace(/^http/, "ws")}/ws`, fetch: ask });

const props = {
  fetcher,
  defaultQuery: START,
  defaultHeaders: '{\n  "Authorization": "Bearer "\n}',
  defaultEditorToolsVisibility: "headers",
  // A key is no thing to leave in a browser that others use too.
  shouldPersistHeaders: false,
};
createRoot(document.getElementById("playground")).render(createElement(GraphiQL, props));
