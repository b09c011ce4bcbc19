// Ben sends a thousand numbered lines to a room where Amy listens, while the connections of both break again and again. Prints one JSON object a line.
import WebSocket from "ws";
import { PlainClient } from "./plain-client.mjs";

const [, , server, amysToken, bensToken] = process.argv;
const MOST = 1000;
const say = (what) => console.log(JSON.stringify(what));
const connectAs = (token) => (query) => new WebSocket(`${server.replace("http", "ws")}data?${query}`, { headers: { Authorization: `Bearer ${token}` } });

const heard = [];
let gaps = 0, cuts = 0;
let done;
const all = new Promise((resolve) => { done = resolve; });
const amy = new PlainClient(connectAs(amysToken), (m) => {
  heard.push(Number(m.text));

  // In the middle of what arrives: what waits behind it is lost with the connection.
  if (heard.length % 150 === 0 && heard.length < MOST) cuts++, amy.cut();
  if (Number(m.text) === MOST) done();
}, () => gaps++);
const ben = new PlainClient(connectAs(bensToken), () => {});

await Promise.all([amy.start(), ben.start()]);
await amy.join("room:numbers");
say({ event: "listening" });
const receipts = [];
for (let n = 1; n <= MOST; n++) {
  receipts.push(ben.send(["room:numbers"], String(n)));

  // With sends under way: some are stored without an answer, some never arrive.
  if (n % 97 === 0) await new Promise(setImmediate), cuts++, ben.cut();
}

const places = (await Promise.all(receipts)).map((r) => r.destinations[0].position.offset);
await all;
say({
  event: "told",
  cuts,
  gaps,
  heard: heard.length,
  isEachOnceInOrder: heard.length === MOST && heard.every((n, i) => n === i + 1),
  isEachPlaceOnceInOrder: places.every((offset, i) => offset === i + 1),
});
amy.close();
ben.close();
