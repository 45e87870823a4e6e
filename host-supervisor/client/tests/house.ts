// An HTTP server of the test's own, which answers what the test says.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What was asked of it. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface House {
  readonly url: string;
  readonly asked: Asked[];
  close(): Promise<void>;
}

/** Each request is answered by the next of these; the last answers all that come after it. */
export async function house(...answers: ((response: ServerResponse) => void)[]): Promise<House> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (piece: string) => (body += piece));
    request.on("end", () => {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      answer?.(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { url: `http://127.0.0.1:${port}`, asked, close };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}) {
  return (response: ServerResponse): void => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  };
}

/** Writes it and closes the stream as a daemon does that has nothing more to say. */
export function events(text: string) {
  return (response: ServerResponse): void => {
    response.writeHead(200, { "content-type": "text/event-stream" }).end(text);
  };
}

/** Writes it and breaks the connection. */
export function broken(text: string) {
  return (response: ServerResponse): void => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(text, () => response.destroy());
  };
}

export function nothing(response: ServerResponse): void {
  response.writeHead(204).end();
}
