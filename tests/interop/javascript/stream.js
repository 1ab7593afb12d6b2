// The iterator of docs/socketio.md, taken from there: what is checked is what a program takes over.

import { readFileSync } from "node:fs";

const page = readFileSync(new URL("../../../docs/socketio.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, source]) => source);
const source = blocks.find((source) => source.includes("function* stream("));

export const { stream } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
