// Writes src/api/schema.d.ts from the service's OpenAPI document; with --check, fails if the file is not what would be.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

const root = fileURLToPath(new URL("../..", import.meta.url));
const target = fileURLToPath(new URL("../src/api/schema.d.ts", import.meta.url));
const document = JSON.parse(execFileSync("scripts/openapi", { cwd: root, maxBuffer: 1 << 26 }));
const wanted = `// Made by "npm run types" from the OpenAPI document.\n${astToString(await openapiTS(document))}`;

if (!process.argv.includes("--check")) {
  writeFileSync(target, wanted);
} else if (readFileSync(target, "utf8") !== wanted) {
  console.error("src/api/schema.d.ts is not current: run 'npm run types' in page/.");
  process.exit(1);
}
