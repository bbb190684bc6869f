import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
const array = (...parts: string[]) => `*${parts.length}\r\n${parts.map(bulk).join('')}`;
/** What comes without having been asked for, in RESP3. */
const push = (...parts: string[]) => array(...parts).replace('*', '>');
const CHANNEL = '+switch-master';

/** A Sentinel as far as a client sees it, which tells of a fail-over at the very moment that a test wants. */
export class ScriptedSentinel {
  readonly #server: Server;
  readonly #masterPort: number;
  readonly #listeners: Socket[] = [];
  /** Told of each question for the master; it is answered once this resolves. */
  asked: () => Promise<void> = async () => undefined;

  private constructor(masterPort: number) {
    this.#masterPort = masterPort;
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => void this.#answer(socket, data.toString()));
    });
  }

  static async start(masterPort: number): Promise<ScriptedSentinel> {
    const sentinel = new ScriptedSentinel(masterPort);
    sentinel.#server.listen(0, '127.0.0.1');
    await once(sentinel.#server, 'listening');
    return sentinel;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `redis+sentinel://127.0.0.1:${port}/0?master=any`;
  }

  /** How many connections listen for fail-overs. */
  get listening(): number {
    return this.#listeners.length;
  }

  tellOfFailOver(): void {
    for (const socket of this.#listeners) socket.write(push('message', CHANNEL, 'any'));
  }

  stop(): void {
    this.#server.close();
  }

  async #answer(socket: Socket, commands: string): Promise<void> {
    for (const command of commands.split(/(?=\*\d+\r\n\$)/)) socket.write(await this.#reply(socket, command));
  }

  async #reply(socket: Socket, command: string): Promise<string> {
    if (/get-master-addr/i.test(command)) {
      await this.asked();
      return array('127.0.0.1', String(this.#masterPort));
    }
    if (/subscribe/i.test(command)) {
      this.#listeners.push(socket);
      return `>3\r\n${bulk('subscribe')}${bulk(CHANNEL)}:1\r\n`;
    }
    if (/hello/i.test(command)) return `%1\r\n${bulk('proto')}:3\r\n`;
    return /sentinels/i.test(command) ? '*0\r\n' : '+OK\r\n';
  }
}
