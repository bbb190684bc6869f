import { type ChildProcess, spawn } from 'node:child_process';
import type { LogEntry } from '../../src/simulator/log.ts';
import { now } from './clock.ts';

const FILE_HEADER = 24;
const PACKET_HEADER = 16;
/** Link, IP and TCP headers and a request line with the path of a search. */
const SNAP_LENGTH = 160;
const SEARCH = 'GET /buy/browse/v1/item_summary/search';

/**
 * When searches reached the simulator's socket: the kernel's stamps of their packets, written by `tcpdump`. The simulator's
 * own stamps are late whenever a host takes its processor away for some milliseconds; a packet is stamped where it is sent.
 */
export class Wire {
  readonly #tcpdump: ChildProcess;
  /** Epoch ms with fraction, in order. */
  readonly #seen: number[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #isHeaderRead = false;

  private constructor(tcpdump: ChildProcess) {
    this.#tcpdump = tcpdump;
    tcpdump.stdout?.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  /** Undefined where packets can't be watched: that takes root and tcpdump. */
  static async watch(port: string): Promise<Wire | undefined> {
    const aRequest = 'tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420';
    const tcpdump = spawn(
      'tcpdump',
      [
        ...['-i', 'lo', '--immediate-mode', '--time-stamp-precision=nano', '-s', String(SNAP_LENGTH)],
        ...['-U', '-w', '-', `dst port ${port} and ${aRequest}`],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const isListening = await new Promise<boolean>((resolve) => {
      tcpdump.once('error', () => resolve(false));
      tcpdump.once('exit', () => resolve(false));
      tcpdump.stderr?.on('data', (text) => String(text).includes('listening on') && resolve(true));
    });
    return isListening ? new Wire(tcpdump) : undefined;
  }

  /** The same calls, each `at` the time when its packet came. */
  stamped(calls: readonly LogEntry[]): LogEntry[] {
    const toMonotonic = now() - (performance.timeOrigin + performance.now());
    let taken = this.#seen.length;
    // From the last one back, for each the latest packet that it may be: its own stamp, in whole ms, is the later one.
    return calls
      .toReversed()
      .map((call) => {
        taken = this.#seen.findLastIndex((at, index) => index < taken && at < call.time + 1);
        const packetAt = this.#seen[taken];
        return packetAt === undefined ? call : { ...call, at: packetAt + toMonotonic };
      })
      .reverse();
  }

  stop(): void {
    this.#tcpdump.kill('SIGKILL');
  }

  /** A pcap file with nanoseconds, in this machine's byte order, in whatever pieces it comes. */
  #read(chunk: Buffer): void {
    let left = Buffer.concat([this.#rest, chunk]);
    if (!this.#isHeaderRead) {
      if (left.length < FILE_HEADER) {
        this.#rest = left;
        return;
      }
      this.#isHeaderRead = true;
      left = left.subarray(FILE_HEADER);
    }
    while (left.length >= PACKET_HEADER) {
      const length = PACKET_HEADER + left.readUInt32LE(8);
      if (left.length < length) break;
      if (left.subarray(PACKET_HEADER, length).includes(SEARCH))
        this.#seen.push(left.readUInt32LE(0) * 1000 + left.readUInt32LE(4) / 1e6);
      left = left.subarray(length);
    }
    this.#rest = left;
  }
}
