// A gate before a real server: it counts what passes, and holds, cuts or spoils answers when it is told to.

import { Agent, createServer, request as send } from "node:http";

/** A gate before the server at `upstream`; pages of all origins may use it. */
export async function gate(upstream) {
  const agent = new Agent({ keepAlive: true });
  const held = [];
  const made = {
    /** Paths of chunks that were asked for. */
    chunks: [],
    /** So many chunks are let through, the others wait. */
    most: Infinity,
    /** `(request, response, body) => boolean` spoils an answer; false leaves it as it is. */
    wrong: undefined,
    open() {
      made.most = Infinity;
      for (const go of held.splice(0)) go();
    },
    reset() {
      made.chunks = [];
      made.wrong = undefined;
      made.open();
    },
  };
  const server = createServer(async (request, response) => {
    const isChunk = request.url.endsWith(".cacnk");
    if (isChunk) made.chunks.push(request.url);
    if (isChunk && made.chunks.length > made.most) await new Promise((resolve) => held.push(resolve));
    const headers = { ...request.headers, host: new URL(upstream).host };
    const forwarded = send(new URL(request.url, upstream), { agent, method: request.method, headers }, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("end", () => {
        const body = Buffer.concat(pieces);
        response.setHeader("Access-Control-Allow-Origin", "*");
        if (made.wrong?.(request, response, body)) return;
        response.writeHead(answer.statusCode, { "Content-Type": answer.headers["content-type"] ?? "application/octet-stream", "Content-Length": body.length });
        response.end(body);
      });
    });
    forwarded.on("error", () => response.destroy());
    forwarded.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  made.url = `http://127.0.0.1:${server.address().port}/`;
  return made;
}
