// A stock SignalR client with MessagePack: records are arrays, by PROTOCOL.md's positions. Prints one JSON object a line.
import * as signalR from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";

const [, , server, ...tokens] = process.argv;
const say = (what) => console.log(JSON.stringify(what));

async function connect(token, name) {
  const hub = new signalR.HubConnectionBuilder()
    .withUrl(`${server}data`, { accessTokenFactory: () => token, skipNegotiation: true, transport: signalR.HttpTransportType.WebSockets })
    .withHubProtocol(new MessagePackHubProtocol())
    .configureLogging(signalR.LogLevel.Warning)
    .build();
  // DeliveredMessage: 0 id, 1 channel, 2 from [client, socket], 3 position [offset, epoch], 4 sentAt, 5 text, 6 bytes
  hub.on("Deliver", (batch) => batch.forEach((m) =>
    say({ event: "deliver", at: name, id: m[0], channel: m[1], from: m[2], position: m[3], text: m[5], bytes: m[6] ? [...m[6]] : null })));
  hub.on("Welcome", (welcome) => say({ event: "welcome", at: name, socketId: welcome[0], clients: welcome[1], protocol: welcome[3] }));
  hub.on("Advanced", () => {});
  hub.on("Disconnected", () => {});
  await hub.start();
  return hub;
}

const amy = await connect(tokens[0], "amy");
const ben = await connect(tokens[1], "ben");

// JoinRequest: 0 as, 1 channel, 2 since, 3 last
const joined = await amy.invoke("Join", [null, "room:lobby", null, 50]);
say({ event: "joined", error: joined[0], channel: joined[1], position: joined[2] });

// SendRequest: 0 as, 1 text, 2 bytes, 3 contentType, 4 type, 5 re, 6 headers, 7 level, 8 session, 9 sequence, 10 idempotencyKey, 11 to
const receipt = await ben.invoke("Send", [null, null, new Uint8Array([1, 2, 255]), null, "numbers", null, null, null, null, null, null, ["room:lobby"]]);
say({ event: "receipt", error: receipt[0], messageId: receipt[1], level: receipt[2], destinations: receipt[3] });

await new Promise((resolve) => amy.on("Deliver", (batch) => batch.some((m) => m[5] === "good-bye") && resolve()));
await Promise.all([amy.stop(), ben.stop()]);
