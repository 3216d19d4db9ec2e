// The equal of `hello.js` for Node, which has no server for `fetch` handlers.
import cluster from "node:cluster";
import http from "node:http";

const parallel = Number(process.env.PARALLEL);

if (parallel > 1 && cluster.isPrimary) {
  for (let started = 0; started < parallel; started += 1) {
    cluster.fork();
  }
} else {
  const body = "Hello, world!\n";
  const headers = { "content-type": "text/plain;charset=UTF-8", "content-length": body.length };
  http
    .createServer((_request, response) => {
      response.writeHead(200, headers);
      response.end(body);
    })
    .listen(Number(process.env.PORT), "127.0.0.1");
}
