// The client of ws against ws-server.mjs. Arguments: the port, the host, a name for this run. Prints one JSON object a conversation.
import crypto from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import WebSocket from "ws";

const [, , port, host, run] = process.argv;
const say = (what, seen) => console.log(JSON.stringify({ what, ...seen }));
const begin = (path, protocols = [], options = {}) => new WebSocket(`ws://127.0.0.1:${port}${path}?${run}`, protocols, { headers: { host }, ...options });

async function open(...how) {
  const ws = begin(...how);
  await once(ws, "open");
  return ws;
}

async function echoed(ws, send) {
  send();
  return (await once(ws, "message"))[0];
}

{
  const ws = await open("/all", ["one", "two"]);
  const big = crypto.randomBytes(5 * 1024 * 1024);
  say("all kinds of messages", {
    protocol: ws.protocol,
    extensions: ws.extensions,
    text: await echoed(ws, () => ws.send("text \u00e9")),
    big: (await echoed(ws, () => ws.send(big))).equals(big),
    parts: await echoed(ws, () => { ws.send("in ", { fin: false }); ws.send("three ", { fin: false }); ws.send("parts"); }),
    ping: await echoed(ws, () => ws.ping("payload")),
    empty: await echoed(ws, () => ws.send("")),
  });
  ws.send("close me");
  const [code, reason] = await once(ws, "close");
  say("closed by the server", { code, reason });
}
{
  const ws = await open("/plain", [], { perMessageDeflate: false });
  const { extensions } = ws;
  ws.close(4002, "by the client");
  say("closed by the client", { extensions, code: (await once(ws, "close"))[0] });
}
{
  const ws = await open("/cut");
  ws.send("cut me");
  say("cut by the server", { code: (await once(ws, "close"))[0] });
}
{
  const ws = await open("/gone");
  ws.terminate();
  say("cut by the client", { code: (await once(ws, "close"))[0] });
}
{
  const [, answer] = await once(begin("/refused"), "unexpected-response");
  const body = await answer.reduce((all, part) => all + part, "");
  say("refused", { status: answer.statusCode, why: answer.headers["x-why"], body });
}
{
  // The first frame, "hi", comes in one write with the request.
  const socket = net.connect(port, "127.0.0.1");
  const request = `GET /early?${run} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n`;
  socket.write(Buffer.concat([Buffer.from(request), Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])]));
  let heard = "";
  while (!heard.endsWith("\x81\x02hi")) heard += (await once(socket, "data"))[0].toString("latin1");
  socket.destroy();
  say("a message with the request", { status: heard.split("\r\n")[0] });
}
// A pipe keeps the refused connection for a next request.
process.exit();
