// A WebSocket server of ws. Prints "listening PORT", and how each connection ended.
import http from "node:http";
import WebSocket from "ws";

const server = http.createServer((_, answer) => answer.writeHead(426).end());
const sockets = new WebSocket.Server({ noServer: true, perMessageDeflate: { threshold: 0 }, handleProtocols: (protocols) => protocols.at(-1) });

server.on("upgrade", (request, socket, head) => {
  socket.on("error", () => {});
  if (request.url.startsWith("/refused")) {
    socket.end("HTTP/1.1 401 Unauthorized\r\nX-Why: because\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope");
    return;
  }
  sockets.handleUpgrade(request, socket, head, (ws) => {
    ws.on("message", (message) => {
      if (message === "close me") ws.close(4001, "as you wish \u00e9");
      else if (message === "cut me") socket.destroy();
      else ws.send(message);
    });
    ws.on("ping", (payload) => ws.send(`ping ${payload}`));
    ws.on("close", (code, reason) => console.log(`closed ${request.url} ${code} ${reason}`));
  });
});

server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
