// Elements, prose and JSON as nodes. Text is never read as markup.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

// `code` and **strong** within a line.
export function words(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`") && part.length > 2) return el("code", {}, part.slice(1, -1));
    if (part.startsWith("**") && part.length > 4) return el("strong", {}, part.slice(2, -2));
    return part;
  });
}

// Paragraphs, and lists of lines that begin with a dash.
export function prose(text) {
  return text.split(/\n\s*\n/).filter((block) => block.trim()).map((block) => {
    if (!block.startsWith("- ")) return el("p", {}, words(block));
    return el("ul", {}, block.split(/\n?- /).filter(Boolean).map((line) => el("li", {}, words(line))));
  });
}

// A path that may break after each slash.
export function breakable(path) {
  return path.split(/(?<=\/)/).flatMap((part) => [part, el("wbr")]);
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

// A value as indented JSON, its parts marked by class.
export function json(value) {
  const text = JSON.stringify(value, null, 2);
  const nodes = [];
  let last = 0;
  for (const found of text.matchAll(TOKEN)) {
    const kind = found[2] !== undefined ? "key" : found[1] !== undefined ? "text" : found[3] ? "word" : "number";
    const shown = found[1] ?? found[0];
    nodes.push(text.slice(last, found.index), el("span", { class: `j-${kind}` }, shown));
    last = found.index + shown.length;
  }
  nodes.push(text.slice(last));
  return nodes;
}

export function code(children, label) {
  return el("pre", { tabindex: "0", "aria-label": label }, el("code", {}, children));
}

export function say(text) {
  const place = document.getElementById("said");
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; });
}

// A button that copies what `text()` gives at that moment.
export function copier(text, what) {
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
      say(`Copied ${what}`);
    } catch {
      button.textContent = "Not allowed";
      say("The browser does not allow copying here");
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });
  return button;
}
