/** A superv that a test plays by hand: a real Unix socket, and every line in the test's hands. */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PATIENCE_MS = 30_000;
export const HELLO = {
  protocol: 1, superv: '0.1.0', agent: 'writer', name: 'writer', instance: 0, incarnation: 1,
  message_max: 65_536,
};

/** Things that come one after the other, and those who wait for them. */
class Queue {
  #items = [];
  #takers = [];

  put(item) {
    const taker = this.#takers.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }

  take(what) {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => reject(new Error(`there was no ${what}`)), PATIENCE_MS);
      this.#takers.push((item) => {
        clearTimeout(patience);
        resolve(item);
      });
    });
  }
}

/** One connection of the client, seen from superv's end. */
class Peer {
  #messages = new Queue();

  constructor(socket) {
    this.socket = socket;
    this.ended = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    createInterface({ input: socket }).on('line', (line) => this.#messages.put(JSON.parse(line)));
  }

  send(message) {
    this.socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  /** The next message, which has to be of this method; without one, an answer. */
  async next(method) {
    const message = await this.#messages.take(method ?? 'answer');
    if (message.method !== method) {
      throw new Error(`expected ${method ?? 'an answer'}, got ${JSON.stringify(message)}`);
    }
    return message;
  }

  answer({ id }, result) {
    this.send({ id, result });
  }

  refuse({ id }, kind, code, data = {}) {
    const error = { code, message: `${kind}, says the fake`, data: { kind, ...data } };
    this.send({ id, error });
  }

  handle(id, method, params, more = {}) {
    this.send({
      id, method: 'handle',
      params: { from: 'planner', method, params, deadline_ms: 5_000, trace: TRACE, ...more },
    });
  }

  /** What a handler answers to a call. */
  async ask(id, method, params, more) {
    this.handle(id, method, params, more);
    return this.next();
  }
}

export const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

export class FakeSuperv {
  #server;
  #folder;
  #peers = new Queue();
  #open = new Set();

  static async start(test) {
    const fake = new FakeSuperv();
    fake.#folder = await mkdtemp(join(tmpdir(), 'superv-node-'));
    fake.path = join(fake.#folder, 'agents.sock');
    await fake.listen();
    test.after(() => fake.stop());
    return fake;
  }

  async listen() {
    this.#server = createServer((socket) => {
      this.#open.add(socket);
      this.#peers.put(new Peer(socket));
    });
    await new Promise((resolve) => this.#server.listen(this.path, resolve));
  }

  /** superv goes away: the socket and every connection. */
  async leave() {
    for (const socket of this.#open) socket.destroy();
    this.#open.clear();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async stop() {
    await this.leave();
    await rm(this.#folder, { recursive: true });
  }

  connection() {
    return this.#peers.take('connection');
  }

  /** The next connection, whose hello is answered. */
  async welcome(answer = HELLO) {
    const peer = await this.connection();
    peer.hello = await peer.next('hello');
    peer.answer(peer.hello, answer);
    return peer;
  }
}
