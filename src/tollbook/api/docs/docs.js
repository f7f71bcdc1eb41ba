// Reads openapi.json and makes the page: one section an area, one article an operation.

import { breakable, code, copier, el, json, prose, words } from "./dom.js";
import { base, panel } from "./request.js";
import { attributes, describe, resolve, row, table } from "./schema.js";

const METHODS = ["get", "post", "patch", "put", "delete"];
const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");

function operations(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method] })));
}

const badge = (method) => el("span", { class: `method ${method}` }, method.toUpperCase());

function scopes(operation) {
  const named = [...new Set(operation.security.flatMap((each) => Object.values(each).flat()))];
  if (!operation.security.length) return el("p", { class: "scopes" }, "No credentials needed.");
  if (!named.length) return el("p", { class: "scopes" }, "Any valid token.");
  return el("p", { class: "scopes" }, named.length > 1 ? "Any one of the scopes " : "The scope ",
    named.map((name) => el("code", {}, name)));
}

const instance = (each) => (each.in === "query" && each.schema.format && each.example && !/[A-Z]/.test(each.name)
  ? el("p", {}, "Such as ", el("code", {}, each.example)) : null);

function parameters(operation) {
  const all = operation.parameters.map(resolve);
  const groups = [["path", "In the path"], ["query", "Query"], ["header", "Headers"]];
  return groups.flatMap(([place, name]) => {
    const rows = all.filter((each) => each.in === place)
      .map((each) => row(each.name, each.schema, each.description, each.required, false, instance(each)));
    if (!rows.length) return [];
    const shown = table(`${name} of ${operation.summary}`, rows);
    return place === "header" ? [el("details", {}, el("summary", {}, name), shown)] : [el("h4", {}, name), shown];
  });
}

function body(operation) {
  if (!operation.requestBody) return [];
  const [mediaType, content] = Object.entries(operation.requestBody.content)[0];
  const choices = content.schema.oneOf ?? [content.schema];
  const heading = el("h4", {}, "Body ", el("small", {}, mediaType));
  return [heading, ...choices.flatMap((choice) => {
    const whole = resolve(choice);
    return [choices.length > 1 ? el("h5", {}, whole.title) : null, whole.description ? el("p", {}, words(whole.description)) : null,
      attributes(choice, false, `Attributes of ${whole.title}`)];
  })];
}

function answer(status, response) {
  const whole = resolve(response);
  const content = whole.content?.["application/json"];
  const schema = content && resolve(content.schema);
  const choices = schema && status.startsWith("2") ? schema.oneOf ?? [content.schema] : [];
  const tables = choices.filter((choice) => resolve(choice).properties).flatMap((choice) => {
    const { title } = resolve(choice);
    return [el("p", { class: "type" }, title), attributes(choice, true, `Attributes of ${title}`)];
  });
  const names = Object.keys(whole.headers ?? {});
  const label = status.startsWith("2") || status === "304" ? whole.description
    : schema.allOf[1].properties.message.enum.join(" / ");
  return el("details", { class: "status" },
    el("summary", {}, el("strong", { class: status < 400 ? "good" : "bad" }, status), " ", words(label.split("\n")[0])),
    status >= 400 ? prose(whole.description.split("\n").slice(2).join("\n")) : tables,
    names.length ? el("p", { class: "quiet" }, "Headers: ", names.flatMap((name, at) => [at ? ", " : "", el("code", {}, name)])) : null);
}

function sample(operation) {
  const content = (operation.responses["200"] && resolve(operation.responses["200"]).content?.["application/json"]) || {};
  if (!content.example) return null;
  return el("div", { class: "block" },
    el("div", { class: "bar" }, el("h4", {}, "Answer"), copier(() => JSON.stringify(content.example, null, 2), "the example")),
    code(json(content.example), `Example answer of ${operation.summary}`));
}

function article(operation) {
  const id = slug(operation.operationId);
  return el("article", { id, "aria-labelledby": `${id}-title` },
    el("div", { class: "told" },
      el("h3", { id: `${id}-title` }, el("a", { href: `#${id}` }, operation.summary)),
      el("p", { class: "address" }, badge(operation.method), " ", el("code", {}, breakable(operation.path))),
      prose(operation.description), scopes(operation), parameters(operation), body(operation),
      el("h4", {}, "Answers"), Object.entries(operation.responses).map(([status, each]) => answer(status, each))),
    el("div", { class: "shown" }, panel(operation.path, operation.method, operation, id), sample(operation)));
}

function problems(document) {
  const rows = Object.values(document.components.responses).flatMap((response) => {
    const status = Object.keys(STATUS).find((number) => STATUS[number] === response);
    return response.description.split("\n").filter((line) => line.startsWith("- ")).map((line) => {
      const [, name, when] = line.match(/^- `(\w+)`: (.*)$/);
      return el("tr", {}, el("th", { scope: "row" }, el("code", {}, name)),
        el("td", {}, status ? el("span", { class: "type" }, status) : null, el("p", {}, words(when))));
    });
  });
  return el("section", { id: "problems" }, el("h2", {}, "Problems"),
    el("p", {}, "What ", el("code", {}, "X-Error-Code"), " can say."), table("Problems", rows));
}

const STATUS = {};

function noteStatuses(document) {
  for (const operation of operations(document)) {
    for (const [status, response] of Object.entries(operation.responses)) {
      if (response.$ref) STATUS[status] = document.components.responses[response.$ref.split("/").pop()];
    }
  }
}

function about(document) {
  const address = el("code", {}, base.href);
  return el("section", { id: "about", class: "about" },
    el("h1", {}, `${document.info.title} API`, el("small", {}, document.info.version)),
    prose(document.info.description.replace(/\n(?!\n)/g, " ").replace(/\n /g, "\n\n")),
    el("dl", {}, el("dt", {}, "Server"), el("dd", {}, address),
      el("dt", {}, "Description"), el("dd", {}, el("a", { href: "openapi.json" }, "openapi.json"), ` · OpenAPI ${document.openapi}`),
      el("dt", {}, "Credentials"), el("dd", {}, words("`Authorization: Bearer TOKEN`, or Basic with a login and password"))));
}

function sections(document) {
  const all = operations(document);
  return document.tags.map((tag) => ({ tag, own: all.filter((each) => each.tags.includes(tag.name)) }));
}

function sidebar(areas) {
  const link = (href, ...inside) => el("li", {}, el("a", { href }, ...inside));
  return [
    el("ul", {}, link("#about", "Overview")),
    ...areas.flatMap(({ tag, own }) => [el("h2", {}, tag.name),
      el("ul", {}, own.map((each) => link(`#${slug(each.operationId)}`, el("span", {}, each.summary), badge(each.method))))]),
    el("h2", {}, "Errors"), el("ul", {}, link("#problems", "Problems")),
  ];
}

// Marks the link of what is being read.
function follow(nav) {
  const links = new Map([...nav.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const mark = (entries) => {
    for (const entry of entries) seen[entry.isIntersecting ? "add" : "delete"](entry.target.id);
    const first = [...links.keys()].find((id) => seen.has(id));
    if (!first) return;
    for (const [id, link] of links) {
      if (id === first) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  const watcher = new IntersectionObserver(mark, { rootMargin: "-100px 0px -55% 0px" });
  for (const id of links.keys()) watcher.observe(document.getElementById(id));
}

function menu(nav) {
  const button = document.getElementById("menu");
  const open = (is) => { document.body.classList.toggle("menu-open", is); button.setAttribute("aria-expanded", is); };
  button.addEventListener("click", () => open(button.getAttribute("aria-expanded") === "false"));
  nav.addEventListener("click", (event) => { if (event.target.closest("a")) open(false); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("menu-open")) { open(false); button.focus(); }
  });
}

async function start() {
  const main = document.getElementById("content");
  document.getElementById("credentials").addEventListener("submit", (event) => event.preventDefault());
  try {
    const response = await fetch(new URL("openapi.json", base), { credentials: "omit" });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const described = await response.json();
    describe(described);
    noteStatuses(described);
    const areas = sections(described);
    const nav = document.getElementById("sidebar");
    nav.replaceChildren(...sidebar(areas));
    main.replaceChildren(about(described), ...areas.map(({ tag, own }) =>
      el("section", { id: slug(tag.name) }, el("h2", {}, tag.name), prose(tag.description), own.map(article))), problems(described));
    menu(nav);
    follow(nav);
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
    document.body.classList.add("ready");
  } catch (error) {
    main.replaceChildren(el("p", { class: "bad", role: "alert" }, `The description could not be read: ${error.message}.`));
  }
}

start();
