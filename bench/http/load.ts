import { Agent, request } from 'node:http';

export interface Load {
  url: string;
  headers: Record<string, string>;
  requests: number;
  connections: number;
}

/** Sends one search after the other on each connection, and gives how long each took, ms, ascending. */
export async function postSearches({ url, headers, requests, connections }: Load): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const took: number[] = [];
  let sent = 0;
  const lane = async () => {
    while (sent < requests) {
      sent += 1;
      const began = performance.now();
      await post(agent, url, headers, JSON.stringify({ query: `phone case ${sent}`, maxItems: 200 }));
      took.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
  agent.destroy();
  return took.sort((a, b) => a - b);
}

function post(agent: Agent, url: string, headers: Record<string, string>, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      {
        agent,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...headers,
        },
      },
      (answer) => {
        answer
          .resume()
          .once('end', () =>
            answer.statusCode === 202 ? resolve() : reject(new Error(`answered ${answer.statusCode}`)),
          );
      },
    );
    call.once('error', reject).end(body);
  });
}
