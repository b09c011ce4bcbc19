// A stock SignalR client with JSON, by names: what the README shows for a page, run in Node. Prints one JSON object a line.
import * as signalR from "@microsoft/signalr";

const [, , server, ...tokens] = process.argv;
const say = (what) => console.log(JSON.stringify(what));

async function connect(token, name) {
  const hub = new signalR.HubConnectionBuilder()
    .withUrl(`${server}data`, { accessTokenFactory: () => token, skipNegotiation: true, transport: signalR.HttpTransportType.WebSockets })
    .configureLogging(signalR.LogLevel.Warning)
    .build();
  hub.on("Deliver", (batch) => batch.forEach((m) => say({ event: "deliver", at: name, ...m })));
  hub.on("Welcome", (welcome) => say({ event: "welcome", at: name, ...welcome }));
  hub.on("Advanced", () => {});
  hub.on("Disconnected", (end) => say({ event: "disconnected", at: name, ...end }));
  await hub.start();
  return hub;
}

const amy = await connect(tokens[0], "amy");
const ben = await connect(tokens[1], "ben");
say({ event: "joined", ...(await amy.invoke("Join", { channel: "room:lobby", last: 50 })) });
say({ event: "receipt", ...(await ben.invoke("Send", { to: ["room:lobby"], text: "hello from JSON" })) });
say({ event: "refused", ...(await ben.invoke("Send", { to: [], text: "nowhere" })) });

// What the test sends next ends the script.
await new Promise((resolve) => amy.on("Deliver", (batch) => batch.some((m) => m.text === "good-bye") && resolve()));
await Promise.all([amy.stop(), ben.stop()]);
