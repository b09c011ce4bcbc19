// A client written from PROTOCOL.md alone, over nothing but a WebSocket: it joins, sends, and recovers. No SignalR library, nothing of ours.
const END = "\u001e";
const SEEN = 5000;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const isSame = (a, b) => a.offset === b.offset && a.epoch === b.epoch;

export class PlainClient {
  #socket; #isClosed = false; #lastCall = 0; #calls = new Map(); #channels = new Map(); #seen = new Set(); #sequence = 0; #open = new Map();
  #session = crypto.randomUUID();

  /** connect: (query) => a WebSocket to /data; onMessage: called once for each message, in order for each channel; onGap: where the past is gone. */
  constructor(connect, onMessage, onGap = () => {}) {
    Object.assign(this, { connect, onMessage, onGap });
  }

  /** Connects, resolves when it is ready, and comes back by itself until close(). */
  start() {
    return new Promise((resolve) => void this.#run(resolve));
  }

  /** Listens to a channel, with the last n first. */
  join(channel, last = 0) {
    this.#channels.set(channel, { place: null, isJoining: false });
    return this.#join(channel, last);
  }

  /** Stores once, however often the connection breaks; resolves with the receipt. */
  send(to, text) {
    return new Promise((resolve) => {
      const request = { to, text, session: this.#session, sequence: ++this.#sequence };
      this.#open.set(request.sequence, { request, resolve });
      this.#post(request);
    });
  }

  /** Breaks the connection, as a lost network does. */
  cut() {
    this.#socket?.terminate();
  }

  close() {
    this.#isClosed = true;
    this.#socket?.close();
  }

  async #run(ready) {
    for (let attempt = 0; !this.#isClosed; attempt++) {
      const socket = (this.#socket = this.connect(`session=${this.#session}`));
      const lost = new Promise((resolve) => { socket.onclose = resolve; });
      socket.onerror = () => {};
      const pings = setInterval(() => this.#write({ type: 6 }), 5000);
      if (await Promise.race([lost.then(() => false), this.#begin(socket).then(() => true, () => false)])) {
        attempt = 0;
        ready();
      }
      await lost;
      clearInterval(pings);
      for (const call of this.#calls.values()) call.reject(new Error("The connection was lost."));
      this.#calls.clear();
      await wait(Math.random() * Math.min(30_000, 100 * 2 ** attempt));
    }
  }

  async #begin(socket) {
    await new Promise((resolve, reject) => {
      let rest = "", isShaken = false;
      socket.onopen = () => socket.send(JSON.stringify({ protocol: "json", version: 1 }) + END);
      socket.onmessage = ({ data }) => {
        const frames = (rest + data).split(END);
        rest = frames.pop();
        for (const message of frames.map((frame) => JSON.parse(frame))) {
          if (isShaken) this.#take(message);
          else if (message.error) reject(new Error(message.error));
          else resolve(isShaken = true);
        }
      };
    });
    await this.#invoke("Open", { protocol: 1, session: this.#session });

    // What is open comes again in its old order, before anything new; what was missed comes from behind the last place.
    for (const { request } of this.#open.values()) this.#post(request);
    await Promise.all([...this.#channels.keys()].map((channel) => this.#join(channel, 0)));
  }

  #invoke(target, argument) {
    return new Promise((resolve, reject) => {
      const invocationId = String(++this.#lastCall);
      this.#calls.set(invocationId, { resolve, reject });
      this.#write({ type: 1, invocationId, target, arguments: [argument] });
    });
  }

  #write(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message) + END);
  }

  #post(request) {
    this.#invoke("Send", request).then(async (receipt) => {
      if (receipt.error?.kind === "unavailable") {
        await wait(200);
        this.#post(request);
      } else {
        this.#open.get(request.sequence)?.resolve(receipt);
        this.#open.delete(request.sequence);
      }
    }, () => { /* It stays open, and is posted again on the next connection. */ });
  }

  async #join(channel, last) {
    const state = this.#channels.get(channel);
    state.isJoining = true;
    const answer = await this.#invoke("Join", state.place ? { channel, since: state.place } : { channel, last });
    state.isJoining = false;
    if (answer.error) throw new Error(answer.error.sentence);
    if (answer.recovered === false) this.onGap(channel);
    if (!state.place || answer.recovered === false) state.place = answer.position;
  }

  #take(message) {
    if (message.type === 3) {
      const call = this.#calls.get(message.invocationId);
      this.#calls.delete(message.invocationId);
      message.error ? call?.reject(new Error(message.error)) : call?.resolve(message.result);
    } else if (message.target === "Deliver") {
      for (const m of message.arguments[0]) if (this.#follow(m.channel, m.position, m.after)) this.#hand(m);
    } else if (message.target === "Advanced") {
      this.#follow(message.arguments[0].channel, message.arguments[0].through, message.arguments[0].after);
    }
  }

  /** Moves a channel's place; false where this is an old place, or something is missing before it. */
  #follow(channel, position, after) {
    const state = this.#channels.get(channel);
    if (!state) return true;
    after ??= position.offset === 1 ? { offset: 0, epoch: "" } : { offset: position.offset - 1, epoch: position.epoch };
    if (state.place?.epoch === position.epoch && position.offset <= state.place.offset) return false;
    const isNext = !state.place || isSame(after, state.place);
    if (isNext) state.place = position;
    else if (!state.isJoining) this.#join(channel, 0).catch(() => {});
    return isNext;
  }

  #hand(message) {
    if (this.#seen.has(message.id)) return;
    this.#seen.add(message.id);
    if (this.#seen.size > SEEN) this.#seen.delete(this.#seen.values().next().value);
    this.onMessage(message);
  }
}
