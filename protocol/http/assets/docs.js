// Logs in, fetches the OpenAPI document and shows it. The token lives as long as the browser tab. Everything that comes
// from the document is shown as text.
"use strict";
(() => {
  const KEY = "quarry-token";
  const METHODS = ["get", "post", "put", "patch", "delete"];
  const DEPTH_MAX = 4;
  const byId = (id) => document.getElementById(id);
  const login = byId("login");
  const form = login.querySelector("form");
  const alert = login.querySelector("[role=alert]");
  let token = sessionStorage.getItem(KEY);
  let api = null;

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const resolved = (value) => {
    if (!value || !value.$ref) return value ?? {};
    return value.$ref.slice(2).split("/").reduce((at, step) => at?.[step], api) ?? {};
  };

  const named = (schema) => schema?.$ref?.split("/").pop();

  // A type in a few words: string (date) or null, list of string, account.
  const words = (schema) => {
    if (!schema) return "any";
    if (schema.$ref) return named(schema);
    if (schema.anyOf) return schema.anyOf.map(words).join(" or ");
    if (schema.allOf) return schema.allOf.map(words).join(" and ");
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    const types = [].concat(schema.type ?? (schema.enum ? "one of" : "any"));
    const told = types.map((type) => (type === "array" ? `list of ${words(schema.items)}` : type)).join(" or ");
    return schema.format ? `${told} (${schema.format})` : told;
  };

  const remarks = (schema) => {
    const told = [];
    if (schema.description) told.push(schema.description);
    if (schema.readOnly) told.push("read-only");
    if (schema.writeOnly) told.push("write-only");
    if (schema.deprecated) told.push("deprecated");
    if (schema["x-reference"]) told.push(`id of ${schema["x-reference"]}`);
    if (schema.default !== undefined) told.push(`default ${JSON.stringify(schema.default)}`);
    const options = schema.enum ?? schema.items?.enum;
    const labels = schema["x-labels"] ?? schema.items?.["x-labels"] ?? {};
    if (options) told.push(options.map((o) => (labels[o] && labels[o] !== o ? `${o} (${labels[o]})` : String(o))).join(", "));
    const bounds = [["minLength", "at least", "characters"], ["maxLength", "at most", "characters"], ["minimum", "from", ""], ["maximum", "to", ""], ["x-minimum", "from", ""], ["x-maximum", "to", ""]];
    for (const [key, before, after] of bounds) if (schema[key] !== undefined) told.push(`${before} ${schema[key]} ${after}`.trim());
    return told.join("; ");
  };

  const table = (rows) => {
    const made = element("table");
    for (const cells of rows) {
      const row = element("tr");
      for (const cell of cells) {
        const field = element("td");
        field.append(cell);
        row.append(field);
      }
      made.append(row);
    }
    return made;
  };

  // The properties of a schema; what is nested opens when it is asked for.
  const shape = (schema, depth = 0) => {
    const name = named(schema);
    const of = resolved(schema);
    const properties = Object.entries(of.properties ?? {});
    const inner = of.items ?? null;
    const box = element("div");
    if (of.allOf) for (const part of of.allOf) box.append(shape(part, depth));
    if (inner && depth < DEPTH_MAX) box.append(element("p", `List of ${words(inner)}`, "quiet"), shape(inner, depth + 1));
    if (!properties.length) {
      if (!inner && !of.allOf) box.append(element("p", words(of), "quiet"));
      return box;
    }
    if (name) box.append(element("p", `${name}${of.title ? ` – ${of.title}` : ""}`, "quiet"));
    const required = new Set(of.required ?? []);
    box.append(table(properties.map(([key, value]) => {
      const code = element("code", key);
      const label = element("span");
      label.append(code, required.has(key) ? element("span", " *", "quiet") : "");
      const told = element("span", [value.title, remarks(resolved(value))].filter(Boolean).join(" – "));
      const target = value.items ?? value;
      const open = resolved(target).properties && depth < DEPTH_MAX ? more(words(value), () => shape(target, depth + 1)) : element("span", words(value));
      return [label, open, told];
    })));
    return box;
  };

  const more = (text, make) => {
    const made = element("details");
    made.append(element("summary", text));
    made.addEventListener("toggle", () => { if (made.open && made.childElementCount === 1) made.append(make()); });
    return made;
  };

  const operation = (shared, told) => more("", () => {
    const box = element("div");
    if (told.description) box.append(element("p", told.description));
    const parameters = [...(shared ?? []), ...(told.parameters ?? [])].map(resolved);
    if (parameters.length) {
      box.append(element("h4", "Parameters"), table(parameters.map((p) => [
        element("code", p.name + (p.required ? " *" : "")), element("span", `${p.in}, ${words(p.schema)}`, "quiet"), element("span", p.description),
      ])));
    }
    const body = told.requestBody?.content ?? {};
    for (const [type, content] of Object.entries(body)) box.append(element("h4", `Body: ${type}`), content.schema ? shape(content.schema) : "");
    box.append(element("h4", "Answers"));
    for (const [status, answer] of Object.entries(told.responses ?? {})) {
      const of = resolved(answer);
      const schema = of.content?.["application/json"]?.schema;
      const headers = Object.keys(of.headers ?? {});
      const line = `${status} ${of.description ?? ""}${headers.length ? ` (${headers.join(", ")})` : ""}`;
      box.append(schema ? more(line, () => shape(schema)) : element("p", line));
    }
    return box;
  });

  const entry = (path, method, shared, told) => {
    const made = operation(shared, told);
    const head = made.querySelector("summary");
    head.append(element("span", method.toUpperCase(), `method ${method}`), element("code", path), element("span", ` ${told.summary ?? ""}`, "quiet"));
    return made;
  };

  const showTag = (tag) => {
    const main = byId("operations");
    main.replaceChildren(element("h2", tag["x-label"] ? `${tag["x-label"]} (${tag.name})` : tag.name), element("p", tag.description));
    for (const [path, item] of Object.entries(api.paths)) {
      for (const method of METHODS) {
        if (item[method]?.tags?.includes(tag.name)) main.append(entry(path, method, item.parameters, item[method]));
      }
    }
    if (api.components.schemas[tag.name]) main.append(element("h3", "A record"), shape({ $ref: `#/components/schemas/${tag.name}` }));
    for (const button of byId("tags").querySelectorAll("button")) button.setAttribute("aria-current", String(button.value === tag.name));
    location.hash = tag.name;
  };

  const showTags = () => {
    const wanted = byId("find").value.trim().toLowerCase();
    const fits = (tag) => [tag.name, tag["x-label"], tag.description].some((text) => text?.toLowerCase().includes(wanted));
    byId("tags").replaceChildren(...api.tags.filter(fits).map((tag) => {
      const button = element("button", tag["x-label"] ?? tag.name);
      button.value = tag.name;
      if (tag["x-package"]) button.append(element("small", ` ${tag["x-package"]}.${tag.name}`));
      button.addEventListener("click", () => showTag(tag));
      const item = element("li");
      item.append(button);
      return item;
    }));
  };

  const askLogin = (message) => {
    sessionStorage.removeItem(KEY);
    token = null;
    alert.textContent = message;
    login.hidden = false;
    form.elements.user.focus();
  };

  const start = async () => {
    const response = await fetch("/api/v1/openapi.json", { headers: { authorization: `Bearer ${token}` } });
    if (response.status === 401) return askLogin("");
    if (!response.ok) return byId("operations").replaceChildren(element("p", `The document can't be had: ${response.status}`));
    const text = await response.text();
    api = JSON.parse(text);
    const link = byId("document");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "openapi.json";
    login.hidden = true;
    showTags();
    showTag(api.tags.find((tag) => tag.name === location.hash.slice(1)) ?? api.tags[0]);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    alert.textContent = "";
    const body = JSON.stringify({ user: form.elements.user.value, password: form.elements.password.value });
    try {
      const response = await fetch("/api/v1/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body });
      const answer = await response.json();
      if (!response.ok) return void (alert.textContent = answer.error?.message ?? "The login failed.");
      token = answer.token;
      sessionStorage.setItem(KEY, token);
      form.elements.password.value = "";
      await start();
    } catch (error) {
      alert.textContent = `The server does not answer: ${error.message}`;
    }
  });
  byId("find").addEventListener("input", () => api && showTags());
  if (token) start();
  else askLogin("");
})();
