// Google's gRPC client for Node against python/grpc_server.py. Arguments: the address, the authority, a name for this run. Prints one JSON object a call.
import grpc from "@grpc/grpc-js";

const [, , address, authority, run] = process.argv;
const client = new grpc.Client(address, grpc.credentials.createInsecure(), {
  "grpc.default_authority": authority, "grpc.max_receive_message_length": -1, "grpc.enable_retries": 0,
});
const same = (bytes) => bytes;
const say = (call, what) => console.log(JSON.stringify({ call, ...what }));
const path = (method) => `/suite.Suite/${method}`;
const shown = (metadata) => Object.fromEntries(Object.entries(metadata.getMap()).filter(([name]) => name.startsWith("x-"))
  .map(([name, value]) => [name, Buffer.isBuffer(value) ? value.toString("hex") : value]));
// Status, words and trailers of a call, however it ends.
const ended = (call) => new Promise((resolve) => call.on("status", (s) => resolve({ code: s.code, details: s.details, trailers: shown(s.metadata) })));
const headers = (call) => new Promise((resolve) => call.on("metadata", (m) => resolve(shown(m))));

function unary(method, message, metadata = new grpc.Metadata(), options = {}) {
  let call;
  const answer = new Promise((resolve) => {
    call = client.makeUnaryRequest(path(method), same, same, message, metadata, options, (_, value) => resolve(value));
  });
  return { call, answer };
}

async function all(stream) {
  const items = [];
  stream.on("data", (item) => items.push(item.toString()));
  stream.on("error", () => {});
  const status = await ended(stream);
  return { items, status };
}

{
  const metadata = new grpc.Metadata();
  metadata.set("x-mine", "mine");
  metadata.set("x-mine-bin", Buffer.from([0, 128, 255]));
  const { call, answer } = unary("Echo", Buffer.from("hello"), metadata, { deadline: Date.now() + 60_000 });
  const [first, status, value] = await Promise.all([headers(call), ended(call), answer]);
  say("unary", { first, status, value: value.toString() });
}
{
  const big = Buffer.alloc(4 * 1024 * 1024, "0123456789abcde");
  const { call, answer } = unary("Echo", big);
  const [status, value] = await Promise.all([ended(call), answer]);
  say("4 MB", { code: status.code, same: value?.equals(big) });
}
for (const method of ["Fail", "Nowhere"]) {
  const { call } = unary(method, Buffer.alloc(0));
  say(method, { status: await ended(call) });
}
{
  const { items, status } = await all(client.makeServerStreamRequest(path("Count"), same, same, Buffer.from("1000")));
  say("server stream", { count: items.length, ordered: items.every((item, i) => item === `${i}`), status });
}
{
  let call;
  const total = new Promise((resolve) => { call = client.makeClientStreamRequest(path("Total"), same, same, (_, value) => resolve(value.toString())); });
  for (let i = 0; i < 64; i++) call.write(Buffer.alloc(32 * 1024));
  call.end();
  say("client stream", { total: await total });
}
{
  // The next word goes only when the last has been answered: who gathers them never ends.
  const call = client.makeBidiStreamRequest(path("Chat"), same, same);
  const status = ended(call);
  const heard = [];
  for (const word of ["one", "two", "three"]) {
    const next = new Promise((resolve) => call.once("data", resolve));
    call.write(Buffer.from(word));
    heard.push((await next).toString());
  }
  call.end();
  call.resume();
  say("both ways", { heard, status: await status });
}
{
  // The server has heard enough; the client would say more, and does not end its side.
  const call = client.makeBidiStreamRequest(path("Enough"), same, same);
  call.write(Buffer.from("first"));
  const { items, status } = await all(call);
  say("an early end", { items, status });
}
{
  const hundred = await Promise.all(Array.from({ length: 100 }, (_, i) => unary("Echo", Buffer.from(`${i}`)).answer));
  say("a hundred at once", { same: hundred.every((value, i) => value?.toString() === `${i}`) });
}
{
  const call = client.makeServerStreamRequest(path("Wait"), same, same, Buffer.from(`by cancellation, ${run}`));
  call.once("data", () => call.cancel());
  const { items, status } = await all(call);
  say("cancellation", { items, code: status.code });
}
// Until one has begun in time: how fast this machine is does not matter.
for (let time = 500, begun = false; !begun; time *= 2) {
  const call = client.makeServerStreamRequest(path("Wait"), same, same, Buffer.from(`by deadline, ${run}`), new grpc.Metadata(), { deadline: Date.now() + time });
  const { items, status } = await all(call);
  begun = items.length > 0;
  if (begun) say("deadline", { items, code: status.code });
}
client.close();
