// Microsoft's client against somebody's hub, by every transport and protocol. Arguments: the hub's address. Prints one JSON object a combination.
import dns from "node:dns";
import * as signalR from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";

// The system does not know *.localhost.
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => lookup(host.endsWith(".localhost") ? "127.0.0.1" : host, ...rest);

const { WebSockets, ServerSentEvents, LongPolling } = signalR.HttpTransportType;
const json = () => new signalR.JsonHubProtocol();
const messagePack = () => new MessagePackHubProtocol();
// Server-sent events are text.
const combinations = [[WebSockets, json], [WebSockets, messagePack], [ServerSentEvents, json], [LongPolling, json], [LongPolling, messagePack]];

const all = (stream) => new Promise((complete, error) => {
  const items = [];
  stream.subscribe({ next: (item) => items.push(item), complete: () => complete(items), error });
});

for (const [transport, protocol] of combinations) {
  const hub = new signalR.HubConnectionBuilder()
    .withUrl(process.argv[2], { transport })
    .withHubProtocol(protocol())
    .configureLogging(signalR.LogLevel.Warning)
    .build();
  const told = new Promise((resolve) => hub.on("Told", resolve));
  hub.on("Answer", (question) => `${question}? yes`);
  await hub.start();

  const big = "\u00e9".repeat(500_000);
  const numbers = new signalR.Subject();
  const sum = hub.invoke("Sum", numbers);
  for (let i = 1; i <= 100; i++) numbers.next(i);
  numbers.complete();
  await hub.send("TellAll", "everybody");
  const echoes = await Promise.all(Array.from({ length: 50 }, (_, i) => hub.invoke("Echo", `${i}`)));
  const bytes = protocol === messagePack ? [...await hub.invoke("Reverse", new Uint8Array([1, 2, 255]))] : await hub.invoke("Reverse", "AQL/");
  console.log(JSON.stringify({
    transport: await hub.invoke("Transport"),
    protocol: protocol().name,
    big: (await hub.invoke("Echo", big)) === big,
    echoes: echoes.every((text, i) => text === `${i}`),
    bytes,
    counted: (await all(hub.stream("Count", 500))).every((n, i) => n === i + 1),
    sum: await sum,
    asked: await hub.invoke("AskBack", "really"),
    told: await told,
    failed: await hub.invoke("Fail").catch((e) => e.message),
  }));
  await hub.stop();
}
