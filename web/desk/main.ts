// The officers' pages: one document, whose address says what it shows.
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/print.css";
import { mount } from "svelte";
import Desk from "./Desk.svelte";

const target = document.getElementById("desk")!;
target.replaceChildren();
mount(Desk, { target });
