// One run of a JavaScript client, old or new: greets, lists, calls, reads; prints what it understood as JSON.
// node js_client.mjs PACKAGE PLAN [MODE]
const [, , packageName, planText, mode] = process.argv;
const plan = JSON.parse(planText);
const isNew = packageName === "@modelcontextprotocol/client";

async function load() {
  if (isNew) {
    const main = await import(packageName);
    const { StdioClientTransport } = await import(`${packageName}/stdio`);
    return { Client: main.Client, Http: main.StreamableHTTPClientTransport, Stdio: StdioClientTransport };
  }
  const { Client } = await import(`${packageName}/client/index.js`);
  const { StdioClientTransport } = await import(`${packageName}/client/stdio.js`);
  const { StreamableHTTPClientTransport } = await import(`${packageName}/client/streamableHttp.js`);
  return { Client, Http: StreamableHTTPClientTransport, Stdio: StdioClientTransport };
}

const { Client, Http, Stdio } = await load();
const target = plan.target;
const transport = target.url
  ? new Http(new URL(target.url))
  : new Stdio({ command: target.command, args: target.args, env: target.env, stderr: "ignore" });
const options = mode ? { versionNegotiation: { mode } } : {};
const client = new Client({ name: "matrix", version: "1" }, options);
// The oldest clients tell nobody what was negotiated, so the greeting's answer is looked at on its way.
let negotiated = "";
const request = client.request.bind(client);
client.request = async (...parameters) => {
  const result = await request(...parameters);
  negotiated = result.protocolVersion ?? negotiated;
  return result;
};
await client.connect(transport);
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const results = [];
for (const [name, args] of plan.calls) {
  const result = await client.callTool({ name, arguments: args });
  const text = result.content.find((block) => block.type === "text");
  results.push({
    failed: result.isError === true,
    kinds: result.content.map((block) => block.type),
    text: text ? text.text : "",
  });
}
const resources = (await client.listResources()).resources.length;
const read = (await client.readResource({ uri: plan.resource })).contents.length;
const version = client.getNegotiatedProtocolVersion?.() || negotiated;
console.log(JSON.stringify({ version, tools, results, resources, read }));
await client.close();
