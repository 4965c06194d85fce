// The reference: Swagger UI over this server's own document.
import "swagger-ui-dist/swagger-ui.css";
import "./page.css";

import SwaggerUIBundle from "swagger-ui-dist/swagger-ui-bundle.js";

// The box above the list finds operations by path, words and rights, and opens the groups in which it found some.
const search = () => ({
  fn: {
    opsFilter: (groups, phrase) => {
      const words = phrase.toLowerCase().split(/\s+/).filter(Boolean);
      const holds = (one) => {
        const parts = [one.get("method"), one.get("path"), one.getIn(["operation", "summary"]), one.getIn(["operation", "description"])];
        const text = parts.join(" ").toLowerCase();
        return words.every((word) => text.includes(word));
      };
      return groups
        .map((group) => group.update("operations", (all) => all.filter(holds)))
        .filter((group) => group.get("operations").size > 0);
    },
  },
  wrapComponents: {
    OperationTag: (Original, { React, layoutSelectors }) => (props) => {
      const filter = layoutSelectors.currentFilter();
      const found = typeof filter === "string" && filter !== "";
      const getConfigs = () => ({ ...props.getConfigs(), docExpansion: found ? "list" : "none" });
      return React.createElement(Original, { ...props, getConfigs });
    },
  },
});

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
  persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [search],
  layout: "BaseLayout",
  onComplete: () => {
    const box = document.querySelector(".operation-filter-input");
    if (box) box.placeholder = "Search: a path, a word, a scope";
  },
});
