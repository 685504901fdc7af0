// The official JavaScript client, driven by a plan on stdin: connects, lists the tools, makes the calls, prints one JSON object.
// Plan: {modules, mode, url | command + args + env + cwd, calls: [{name, arguments, cancelAfterMs?}]}
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const plan = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(plan.modules + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { Client, StreamableHTTPClientTransport } = await load("@modelcontextprotocol/client");
const { StdioClientTransport } = await load("@modelcontextprotocol/client/stdio");

const client = new Client({ name: "e2e-js", version: "1.0.0" }, { versionNegotiation: { mode: plan.mode } });
const transport = plan.url
  ? new StreamableHTTPClientTransport(new URL(plan.url))
  : new StdioClientTransport({ command: plan.command, args: plan.args, env: plan.env, cwd: plan.cwd, stderr: "ignore" });
await client.connect(transport);

const { tools } = await client.listTools();
const outcomes = [];
for (const call of plan.calls) {
  const notes = [];
  const options = { onprogress: (note) => notes.push(note.message ?? "") };
  if (call.cancelAfterMs) options.signal = AbortSignal.timeout(call.cancelAfterMs);
  try {
    const result = await client.callTool({ name: call.name, arguments: call.arguments }, options);
    outcomes.push({ name: call.name, result, notes });
  } catch (error) {
    outcomes.push({ name: call.name, thrown: String(error), notes });
  }
}
await client.close();
console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), outcomes }));
