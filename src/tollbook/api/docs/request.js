// The panel that sends a request, and the curl line that does the same. The token stays in its input.

import { code, copier, el, json, say } from "./dom.js";
import { resolve } from "./schema.js";

export const base = new URL(".", location.href);

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const token = () => document.getElementById("token").value.trim();

class Asked {
  constructor(path, method, operation) {
    this.path = path;
    this.method = method.toUpperCase();
    this.secured = (operation.security ?? []).length > 0;
    this.parameters = operation.parameters.map(resolve).filter((each) => each.in !== "header");
    const content = operation.requestBody?.content ?? {};
    this.mediaType = Object.keys(content)[0] ?? null;
    const examples = this.mediaType ? Object.values(content[this.mediaType].examples) : [];
    this.example = examples.length ? examples[0].value : null;
    this.inputs = new Map();
    this.body = null;
  }

  get isForm() {
    return this.mediaType === "application/x-www-form-urlencoded";
  }

  url() {
    const query = new URLSearchParams();
    let path = this.path;
    for (const each of this.parameters) {
      const value = this.inputs.get(each.name)?.value ?? "";
      if (each.in === "path") path = path.replace(`{${each.name}}`, encodeURIComponent(value));
      else if (value !== "") query.append(each.name, value);
    }
    const text = query.toString();
    return new URL(path.slice(1) + (text ? `?${text}` : ""), base).href;
  }

  // Lines of name=value become a form; JSON is sent as it is written.
  content() {
    const text = this.body?.value ?? "";
    if (!this.isForm) return text;
    const lines = text.split("\n").filter((line) => line.includes("="));
    return new URLSearchParams(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)])).toString();
  }

  curl() {
    const parts = [`curl ${quote(this.url())}`];
    if (this.method !== "GET" && !(this.method === "POST" && this.mediaType)) parts[0] = `curl -X ${this.method} ${quote(this.url())}`;
    if (this.secured) parts.push(`-H "Authorization: Bearer $TOKEN"`);
    if (this.mediaType === "application/json") parts.push("-H 'Content-Type: application/json'");
    if (this.mediaType) parts.push(`-d ${quote(this.isForm ? this.content() : compact(this.content()))}`);
    return parts.join(" \\\n  ");
  }

  async send() {
    const headers = {};
    if (this.secured && token()) headers.Authorization = `Bearer ${token()}`;
    if (this.mediaType) headers["Content-Type"] = this.mediaType;
    const started = performance.now();
    const response = await fetch(this.url(), {
      method: this.method, headers, body: this.mediaType ? this.content() : undefined,
      credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
    });
    const text = await response.text();
    return { response, text, milliseconds: performance.now() - started };
  }
}

function compact(text) {
  try { return JSON.stringify(JSON.parse(text)); } catch { return text; }
}

function starting(asked) {
  if (asked.example === null) return "";
  if (!asked.isForm) return JSON.stringify(asked.example, null, 2);
  return Object.entries(asked.example).map(([name, value]) => `${name}=${value}`).join("\n");
}

function field(asked, parameter, id, changed) {
  const first = parameter.in === "path" ? parameter.example ?? "" : parameter.name === "limit" && asked.path.endsWith("s") ? "1" : "";
  const key = `${id}-${parameter.name}`;
  const input = parameter.schema.type === "boolean"
    ? el("select", { id: key, onchange: changed }, ["", "true", "false"].map((word) => el("option", { value: word }, word || "—")))
    : el("input", { id: key, value: first, placeholder: parameter.in === "path" ? "" : parameter.example, spellcheck: "false",
      autocomplete: "off", oninput: changed });
  asked.inputs.set(parameter.name, input);
  return el("div", { class: "field" }, el("label", { for: key }, parameter.name), input);
}

function shown({ response, text, milliseconds }) {
  const kind = response.ok ? "good" : "bad";
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  let body = text;
  try { body = json(JSON.parse(text)); } catch { /* not JSON: shown as it is */ }
  return [
    el("p", { class: "outcome" }, el("strong", { class: kind }, `${response.status} ${response.statusText}`.trim()),
      el("span", {}, `${milliseconds.toFixed(0)} ms`), el("span", {}, `${new Blob([text]).size.toLocaleString("en-US")} bytes`)),
    el("details", {}, el("summary", {}, "Headers"), code(headers, "Headers of the answer")),
    text ? code(body, "Body of the answer") : el("p", { class: "quiet" }, "No body."),
  ];
}

async function attempt(asked, button, outcome) {
  button.disabled = true;
  outcome.replaceChildren(el("p", { class: "quiet" }, "Waiting for the answer …"));
  try {
    const answer = await asked.send();
    outcome.replaceChildren(...shown(answer));
    say(`Answered ${answer.response.status}`);
  } catch (error) {
    outcome.replaceChildren(el("p", { class: "bad" }, `No answer: ${error.message}`));
  }
  button.disabled = false;
}

function bodyField(asked, id, changed) {
  if (!asked.mediaType) return null;
  const label = asked.isForm ? "Form, one name=value a line" : "Body";
  asked.body = el("textarea", { id: `${id}-body`, rows: "6", spellcheck: "false", oninput: changed });
  asked.body.value = starting(asked);
  return el("div", { class: "field wide" }, el("label", { for: `${id}-body` }, label), asked.body);
}

// The curl line and the panel of one operation; editing the panel edits the line.
export function panel(path, method, operation, id) {
  const asked = new Asked(path, method, operation);
  const line = el("code", {});
  const changed = () => { line.textContent = asked.curl(); };
  const fields = asked.parameters.filter((each) => !/[A-Z]/.test(each.name)).map((each) => field(asked, each, id, changed));
  const body = bodyField(asked, id, changed);
  const outcome = el("div", { class: "answer" });
  const button = el("button", { type: "submit", class: "send" }, `Send ${asked.method}`);
  const send = (event) => { event.preventDefault(); attempt(asked, button, outcome); };
  changed();
  return [
    el("div", { class: "block" }, el("div", { class: "bar" }, el("h4", {}, "curl"), copier(() => asked.curl(), "the curl line")),
      el("pre", { tabindex: "0", "aria-label": "curl line" }, line)),
    el("details", { class: "try" }, el("summary", {}, "Try it"),
      el("form", { onsubmit: send, autocomplete: "off" }, fields, body,
        asked.secured ? el("p", { class: "quiet" }, "Sent with the token at the top of the page.") : null, button), outcome),
  ];
}
