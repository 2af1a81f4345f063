// Fails where the API's types are not what openapi.json says.
import { readFileSync } from "node:fs";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";

const schema = new URL("../openapi.json", import.meta.url);
const types = new URL("../src/api/schema.d.ts", import.meta.url);
const fresh = COMMENT_HEADER + astToString(await openapiTS(schema));
if (fresh !== readFileSync(types, "utf8")) {
  console.error("src/api/schema.d.ts is not what openapi.json says\nhint: npm run generate");
  process.exit(1);
}
console.log("src/api/schema.d.ts is up to date");
