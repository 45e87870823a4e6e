// Makes src/generated/ out of openapi.json, which a test of the daemon keeps true (`make client` renews both).
// With --check it changes nothing, and fails when what is there is not what it would make.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";
import { format, resolveConfig } from "prettier";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = join(HERE, "src/generated");
const NOTE = "// Made by generate.mjs out of openapi.json. Changes here are lost.\n\n";
const METHODS = ["get", "put", "post", "delete", "options", "patch"];

const description = JSON.parse(readFileSync(join(HERE, "openapi.json"), "utf8"));
const calls = Object.entries(description.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]).map((method) => callOf(path, method, item[method])),
);
const files = {
  "schema.ts": astToString(await openapiTS(structuredClone(description), { defaultNonNullable: false })),
  "calls.ts": callsFile(calls.filter(({ gives }) => gives !== null)),
  "shapes.ts": shapesFile(),
};

mkdirSync(OUT, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const path = join(OUT, name);
  const options = { ...(await resolveConfig(path)), filepath: path };
  const wanted = await format(NOTE + text, options);
  if (!process.argv.includes("--check")) writeFileSync(path, wanted);
  else if (!existsSync(path) || readFileSync(path, "utf8") !== wanted) {
    console.error(`${name} is not what openapi.json says: run \`make client\`, and commit what it changes`);
    process.exitCode = 1;
  }
}

function callOf(path, method, operation) {
  const name = operation.operationId;
  const body = operation.requestBody?.content;
  const ours = body === undefined || "application/json" in body;
  const taken = (operation.parameters ?? []).filter((parameter) => parameter.in !== "header");
  const inQuery = taken.some((parameter) => parameter.in === "query");
  if (body && inQuery) throw new Error(`${name}: a call of this client has a query or a body, not both`);
  if (body && ours) {
    const fields = Object.keys(resolved(body["application/json"].schema).properties ?? {});
    const twice = taken.find((parameter) => fields.includes(parameter.name));
    if (twice) throw new Error(`${name}: ${twice.name} is in its path and in its body`);
  }
  return {
    name,
    path,
    method,
    operation,
    hasBody: body !== undefined,
    gives: ours ? givesOf(operation) : null,
  };
}

/** How an answer is read; `null` of a protocol of its own, which is no business of this client. */
function givesOf({ responses }) {
  if (responses["101"]) return "upgrade";
  const kinds = Object.keys(responses["200"]?.content ?? {});
  if (kinds.includes("text/event-stream")) return "events";
  if (kinds.some((kind) => kind.startsWith("text/"))) return "text";
  if (kinds.includes("application/octet-stream")) return "response";
  return Object.values(responses).some((answer) => answer.content?.["application/json"]) ? "json" : null;
}

function resolved(schema) {
  const name = schema.$ref?.split("/").at(-1);
  return name ? description.components.schemas[name] : schema;
}

function callsFile(calls) {
  const method = ({ name, path, method, operation, gives }) =>
    `/**\n * ${sentence(operation.summary)}\n *\n * \`${method.toUpperCase()} ${path}\`${needs(operation)}\n */\n` +
    `${name}: ${typeOf(name, operation, gives)};`;
  const entry = ({ name, path, method, gives, hasBody }) =>
    `${name}: ${JSON.stringify([method.toUpperCase(), path, gives, ...(hasBody ? [true] : [])])},`;
  const callable = calls.filter(({ gives }) => gives !== "upgrade");
  return (
    `import type { Call, Follow, StreamEvent } from "../types.ts";\n` +
    `import type { components } from "./schema.ts";\n\n` +
    `/** A method for each call. */\nexport interface Calls {\n${callable.map(method).join("\n")}\n}\n\n` +
    `/** Of each: method, path, how the answer is read, and whether what it takes stands in a body. */\n` +
    `export const CALLS = {\n${calls.map(entry).join("\n")}\n} as const;\n`
  );
}

function typeOf(name, operation, gives) {
  if (gives === "text") return `Call<"${name}", string>`;
  if (gives === "response") return `Call<"${name}", Response>`;
  if (gives !== "events") return `Call<"${name}">`;
  const events = operation.responses["200"].content["text/event-stream"]["x-events"] ?? {};
  const kinds = Object.entries(events).map(
    ([type, { $ref }]) => `StreamEvent<"${type}", components["schemas"]["${$ref.split("/").at(-1)}"]>`,
  );
  return `Follow<"${name}", ${kinds.join(" | ") || "StreamEvent<string, unknown>"}>`;
}

function sentence(text) {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

function needs({ security = [] }) {
  const ways = security.map((way) =>
    Object.entries(way)
      .map(([name, scopes]) =>
        name === "apiKey" ? ["a key", ...scopes].join(" with ") : "the session's token",
      )
      .join(" and "),
  );
  return ways.length === 0 ? "; needs no key." : `; needs ${ways.join(", or ")}.`;
}

/** Each shape that is given or taken under its own name, so that nobody has to write where it stands in the description. */
function shapesFile() {
  const named = new Set();
  for (const { operation, gives } of calls)
    if (gives !== null) nameAll([operation.requestBody, operation.responses]);
  const alias = (name) => `export type ${name} = components["schemas"]["${name}"];`;
  return `import type { components } from "./schema.ts";\n\n${[...named].sort().map(alias).join("\n")}\n`;

  function nameAll(value) {
    if (typeof value !== "object" || value === null) return;
    const name = value.$ref?.split("/").at(-1);
    if (name && !named.has(name)) {
      named.add(name);
      nameAll(description.components.schemas[name]);
    }
    Object.values(value).forEach(nameAll);
  }
}
