// Schemas as tables: each attribute with its type, its bounds and what it means.

import { el, words } from "./dom.js";

const KNOWN = ["date-time", "decimal", "password", "uri", "uuid"];
let description = {};

export function describe(document) {
  description = document;
}

export function resolve(node) {
  let found = node;
  while (found && found.$ref) {
    const target = found.$ref.slice(2).split("/").reduce((at, part) => at[part], description);
    const { $ref, ...beside } = found;
    found = { ...target, ...beside, title: target.title ?? $ref.split("/").pop() };
  }
  return found;
}

function plain(schema) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum && schema.enum.length <= 6) return schema.enum.map((word) => JSON.stringify(word)).join(" | ");
  const types = [schema.type ?? "any"].flat().filter((type) => type !== "null");
  if (types.includes("array")) return `array of ${schema.items.$ref ? resolve(schema.items).title : plain(schema.items)}`;
  const format = KNOWN.includes(schema.format) ? ` ${schema.format}` : "";
  return types.join(" or ") + format;
}

export function typeOf(schema) {
  const whole = resolve(schema);
  if (schema.$ref && whole.type === "object") return whole.title;
  return plain(whole) + ([whole.type].flat().includes("null") ? " or null" : "");
}

function bounds(schema) {
  const said = [];
  const number = (value) => value.toLocaleString("en-US");
  if (schema.minimum !== undefined && schema.maximum < 2 ** 53) {
    said.push(`${number(schema.minimum)} to ${number(schema.maximum)}`);
  } else if (schema.minimum !== undefined) {
    said.push(`at least ${number(schema.minimum)}`);
  }
  if (schema.minLength > 1) said.push(`at least ${schema.minLength} characters`);
  if (schema.maxLength) said.push(`at most ${number(schema.maxLength)} characters`);
  if (schema.maxProperties) said.push(`at most ${schema.maxProperties} entries`);
  if (schema.default !== undefined) said.push(`default ${schema.default}`);
  return said;
}

function notes(schema, required, answer) {
  const marks = bounds(schema);
  if (answer && !required) marks.push("may be absent");
  if (!answer && schema.readOnly) marks.push("read only");
  if (schema.writeOnly) marks.push("never shown");
  return marks.length ? el("span", { class: "bounds" }, marks.join(" · ")) : null;
}

// One row of a table of names: parameters and attributes look the same.
export function row(name, schema, doc, required, answer, more = null) {
  const whole = resolve(schema);
  return el("tr", {},
    el("th", { scope: "row" }, el("code", {}, name), !answer && required ? el("span", { class: "needed" }, "required") : null),
    el("td", {},
      el("span", { class: "type" }, typeOf(schema)), " ", notes(whole, required, answer),
      doc ? el("p", {}, words(doc)) : null, more));
}

export function table(caption, rows) {
  return el("table", { "aria-label": caption }, el("tbody", {}, rows));
}

function inner(schema) {
  const whole = resolve(schema);
  const target = whole.items ? resolve(whole.items) : whole;
  return target.properties && target.type === "object" ? target : null;
}

// The table of an object; what lies inside is folded.
export function attributes(schema, answer, caption, within = []) {
  const whole = resolve(schema);
  const required = whole.required ?? [];
  const rows = Object.entries(whole.properties).map(([name, part]) => {
    const below = inner(part);
    const folded = below && !within.includes(below.title) && el("details", {},
      el("summary", {}, below.title ? `Attributes of ${below.title}` : "Attributes"),
      attributes(below, answer, `Attributes of ${below.title ?? name}`, [...within, below.title]));
    return row(name, part, resolve(part).description, required.includes(name), answer, folded || null);
  });
  return table(caption, rows);
}
