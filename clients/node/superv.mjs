/**
 * The agent's side of superv's child protocol for Node 18 and later: one file, no dependency.
 *
 *     import { start } from './superv.mjs';
 *     const agent = await start();          // says ready, answers superv's pings, stops when asked
 *     agent.handle('draft', async (params, call) => ({ text: `About ${params.topic}` }));
 *
 * Nothing here needs superv: run by hand (no `SUPERV_SOCKET`), what only tells does nothing, and a
 * call ends as `Unavailable`. What goes over the socket is on docs/protocol.md.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createConnection } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * @typedef {object} CallOptions
 * @property {number} [timeoutMs] how long the call may take, retries included; 30 s unless given
 * @property {string} [task] what this is done for; the callee gets it too
 * @property {string} [trace] a W3C traceparent; inside a handler, that of the handled call
 * @property {number} [attempts] how often it may be tried; only retryable errors are tried again
 * @property {AbortSignal} [signal] cancels the call, here and at the callee
 *
 * @typedef {object} Down told once when a monitored agent's process ends
 * @property {string} agent the instance that ended
 * @property {number | null} incarnation which start of it that was
 * @property {string} reason how it ended
 *
 * @typedef {{ agent: string }} Monitor made by `monitor`, for `demonitor`
 * @typedef {{ reason: string, deadline: number }} Stop why, and until when (`performance.now()`)
 * @typedef {(params: any, call: Call) => any} Handler
 */

const DEFAULT_TIMEOUT_MS = 30_000;
const LONGEST_TIMEOUT_MS = 86_400_000;
/** How much longer than superv the client waits for an answer before it gives up by itself. */
const GRACE_MS = 1_000;
/** `start` goes on without a connection after this; the client keeps trying. */
const START_PATIENCE_MS = 5_000;
const FIRST_RECONNECT_MS = 100;
const LAST_RECONNECT_MS = 5_000;
/** How many messages are kept while superv is away. */
const OUTBOX_LIMIT = 1_024;
/** How many bytes may wait to be read by superv. */
const BACKLOG_LIMIT_BYTES = 8 << 20;
/** What superv's lines may be longer than ours, since what it passes on gets an envelope. */
const ENVELOPE_BYTES = 1_024;
const LEVELS = ['debug', 'info', 'warning', 'error'];

// MARK: Errors

/** What a call can end with; `kind` says which, and each kind has a class of its own. */
export class SupervError extends Error {
  static kind = 'unknown';
  static code = -32603;
  static retryable = false;

  /**
   * @param {string} message
   * @param {{ kind?: string, code?: number, retryable?: boolean, retryAfterMs?: number | null,
   *   data?: any, cause?: unknown }} [details]
   */
  constructor(message, details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.kind = details.kind ?? new.target.kind;
    this.code = details.code ?? new.target.code;
    /** Whether the same call may succeed later, and when, where that is known. */
    this.retryable = details.retryable ?? new.target.retryable;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.data = details.data;
  }
}

const errorOf = (kind, code, retryable) =>
  class extends SupervError {
    static kind = kind;
    static code = code;
    static retryable = retryable;
  };

/** The deadline came before the answer. */
export class Timeout extends errorOf('timeout', -32001, true) {}
/** No instance of the callee is ready. */
export class NotReady extends errorOf('not_ready', -32002, true) {}
/** The callee's process ended before it answered. */
export class AgentDied extends errorOf('agent_died', -32003, true) {}
/** A queue is full. */
export class Overloaded extends errorOf('overloaded', -32004, true) {}
/** The callee has failed too often in a row, and is left alone for a while. */
export class CircuitOpen extends errorOf('circuit_open', -32005, true) {}
/** The rules do not allow it. */
export class Denied extends errorOf('denied', -32006, false) {}
/** The callee is in this chain of calls already. */
export class Cycle extends errorOf('cycle', -32007, false) {}
/** The message is longer than superv takes. */
export class TooLarge extends errorOf('too_large', -32008, false) {}
/** The caller cancelled it. */
export class Cancelled extends errorOf('cancelled', -32009, false) {}
/** superv, or the callee's connection, is away. */
export class Unavailable extends errorOf('unavailable', -32010, true) {}
/** Nobody has that name. */
export class NoSuchAgent extends errorOf('no_such_agent', -32602, false) {}
/** What was sent does not fit. */
export class Invalid extends errorOf('invalid', -32602, false) {}

/** The callee's own error, as its handler chose it. */
export class RemoteError extends SupervError {
  static kind = 'remote';

  /** @param {number} code @param {string} message @param {any} [data] */
  constructor(code, message, data) {
    super(message, { code, data });
  }
}

const errorClasses = new Map(
  [
    Timeout, NotReady, AgentDied, Overloaded, CircuitOpen, Denied, Cycle, TooLarge, Cancelled,
    Unavailable, NoSuchAgent, Invalid,
  ].map((type) => [type.kind, type]),
);

/** The error of an answer as an exception. */
function errorFromWire({ code, message, data }) {
  const kind = data?.kind;
  if (typeof kind !== 'string') return new RemoteError(code, message, data);
  const ErrorClass = errorClasses.get(kind) ?? SupervError;
  const { retryable, retry_after_ms: retryAfterMs } = data;
  return new ErrorClass(message, { kind, code, retryable, retryAfterMs, data });
}

/** What a handler threw as the error of an answer. */
function errorToWire(error) {
  if (error instanceof RemoteError) {
    return { code: error.code, message: error.message, data: error.data };
  }
  if (error instanceof SupervError) {
    const { kind, code, message, retryable, retryAfterMs } = error;
    return { code, message, data: { kind, retryable, retry_after_ms: retryAfterMs } };
  }
  console.error(error); // nobody else gets to see where it was thrown
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: -32603, message: text };
}

// MARK: The call in hand

/** What a handler learns about the call that it handles. */
export class Call {
  /** The instance that calls; `@operator` for `superv call`. @type {string} */ from;
  /** @type {string} */ method;
  /** What this is done for, if the caller said. @type {string | undefined} */ task;
  /** The W3C traceparent of this call. @type {string | undefined} */ trace;
  /** When it is over (`performance.now()`); Infinity for a cast. @type {number} */ deadline;
  /** Aborted when nobody waits for the answer any more. @type {AbortSignal} */ signal;

  constructor({ from, method, task, trace, deadline_ms: milliseconds }, signal) {
    Object.assign(this, { from, method, task, trace, signal });
    this.deadline = performance.now() + (milliseconds ?? Infinity);
  }

  /** How many milliseconds are left. */
  remaining() {
    return Math.max(0, this.deadline - performance.now());
  }

  get cancelled() {
    return this.signal.aborted;
  }
}

/** Follows a handler through its awaits, so that its calls belong to the chain it is part of. */
const callInHand = new AsyncLocalStorage();

// MARK: The agent

export class Agent {
  /** Who superv says this is: known after `start`. @type {string | undefined} */ name;
  /** @type {string | undefined} */ agent;
  /** @type {number | undefined} */ instance;
  /** @type {number | undefined} */ incarnation;
  /** Whether superv answers just now. */ connected = false;
  /** Why superv asked it to stop; null until then. @type {Stop | null} */ stopRequest = null;

  #path;
  #hello;
  #messageMaxBytes = 1 << 20;
  #isReady; // undefined until something was said
  #end = null; // why it has let go of superv for good
  #socket = null;
  #reconnectTimer = null;
  #reconnectMs = FIRST_RECONNECT_MS;
  #started = null; // { promise, resolve, reject } of `start`
  #lastId = 0;
  #waiting = new Map(); // id -> { settle, isSent }
  #outbox = []; // { id, line } while there is no connection
  #handlers = new Map();
  #inHand = new Map(); // id of superv -> AbortController, on this connection
  #handling = 0;
  #monitors = new Set();
  #monitorsById = new Map(); // on this connection
  #stopListeners = [];
  #stopWaiters = [];
  #isWatched = false; // whether the program looks at `stopping`
  #opPrefix = randomBytes(4).toString('hex'); // the agent's other processes have operations too
  #lastOp = 0;

  /**
   * @param {{ socket?: string, serves?: boolean, client?: string }} [options] `socket` is that of
   *   the environment; a helper process of an agent says `serves: false`, and only asks.
   */
  constructor({ socket = process.env.SUPERV_SOCKET, serves = true, client } = {}) {
    this.#path = socket || null;
    this.#hello = { protocol: 1, client: client ?? `superv.mjs/0.1.0 node/${process.version}` };
    if (!serves) this.#hello.serves = false;
  }

  /** Whether there is a superv to talk to; without one the program runs by hand. */
  get supervised() {
    return this.#path !== null;
  }

  /** Whether superv has asked this agent to stop. */
  get stopping() {
    this.#isWatched = true;
    return this.stopRequest !== null;
  }

  /**
   * Connects and says hello. When superv is away it returns all the same after 5 s, and the client
   * goes on trying; when superv refuses this process it throws.
   */
  async start() {
    if (this.supervised && !this.#started) {
      this.#started = deferred();
      this.#connect();
      const patience = setTimeout(() => this.#endStart(), START_PATIENCE_MS);
      try {
        await this.#started.promise;
      } finally {
        clearTimeout(patience);
      }
    }
    return this;
  }

  /** Lets go of the connection. Calls that wait end as `Unavailable`. */
  async close() {
    const socket = this.#socket?.ref();
    this.#shut(new Unavailable('this agent has closed its connection to superv'));
    if (socket && !socket.destroyed) {
      await new Promise((resolve) => socket.once('close', resolve).end(() => socket.destroy()));
    }
  }

  // MARK: What it tells

  /** This agent can serve; calls come from now on. */
  ready() {
    this.#isReady = true;
    this.#tell('ready');
  }

  /** Calls go elsewhere until the next `ready`. @param {string} reason */
  notReady(reason) {
    this.#isReady = false;
    this.#tell('not_ready', { reason: clip(reason) });
  }

  /** What it is doing, for people. @param {string} text at most 512 bytes are kept */
  status(text) {
    this.#tell('status', { text: clip(text) });
  }

  /** How far it has got; see `progress_timeout`. @param {string | number} [progress] */
  heartbeat(progress) {
    const known = typeof progress === 'number' ? progress : clip(progress);
    this.#tell('heartbeat', { progress: known });
  }

  /**
   * A line for the agent's log, beside its output; to stderr while superv is away.
   * @param {'debug' | 'info' | 'warning' | 'error'} level @param {string} message
   * @param {Record<string, any>} [fields] @param {{ task?: string }} [options]
   */
  log(level, message, fields, { task } = {}) {
    if (!LEVELS.includes(level)) throw new TypeError(`'${level}' is none of ${LEVELS.join(', ')}`);
    if (this.supervised && !this.connected) {
      console.error(level, message, ...(fields ? [JSON.stringify(fields)] : []));
    } else {
      this.#tell('log', { level, message: String(message), fields, task });
    }
  }

  /**
   * Does something that may take long, and says so: while it runs in time, a missed ping is not
   * held against the agent; far past `expectedMs` it counts as stuck.
   * @template T
   * @param {string} kind what this is an example of @param {{ expectedMs?: number }} options
   * @param {() => T | Promise<T>} body
   * @returns {Promise<T>}
   */
  async op(kind, { expectedMs } = {}, body) {
    this.#lastOp += 1;
    const op = `${this.#opPrefix}-${this.#lastOp}`;
    this.#tell('op.begin', { op, kind, expected_ms: expectedMs });
    try {
      return await body();
    } finally {
      this.#tell('op.end', { op });
    }
  }

  // MARK: What it asks

  /**
   * Asks another agent. Throws `RemoteError` when the callee says no, another `SupervError` when
   * there was no answer. Within a handler it takes no longer than the handled call has left, and
   * is cancelled with it.
   * @param {string} to an agent, or one instance of it (`writer:1`) @param {string} method
   * @param {any} [params] any JSON value @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  async call(to, method, params, options = {}) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, attempts = 1, task, signal } = options;
    if (!(timeoutMs >= 1 && timeoutMs <= LONGEST_TIMEOUT_MS)) {
      throw new Invalid(`timeoutMs is ${timeoutMs}; it must be from 1 to ${LONGEST_TIMEOUT_MS}`);
    }
    const outer = handledCall();
    const trace = options.trace ?? outer?.trace;
    const deadline = Math.min(performance.now() + timeoutMs, outer?.deadline ?? Infinity);
    const signals = [signal, outer?.signal].filter(Boolean);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#callOnce({ to, method, params, task, trace }, deadline, signals);
      } catch (error) {
        if (!error.retryable || attempt >= attempts) throw error;
        // Full jitter, so that those who failed together do not come back together.
        const waitMs = error.retryAfterMs ?? Math.random() * 100 * 2 ** (attempt - 1);
        if (performance.now() + waitMs >= deadline) throw error;
        await pause(waitMs, undefined, { signal }).catch(() => {}); // the next attempt throws it
      }
    }
  }

  /**
   * Tells another agent something; nobody answers. Throws when superv cannot put it in its queue.
   * @param {string} to @param {string} method @param {any} [params]
   * @param {{ task?: string, trace?: string }} [options]
   */
  async cast(to, method, params, { task, trace = handledCall()?.trace } = {}) {
    await this.#ask('cast', { to, method, params, task, trace });
  }

  /**
   * Calls `listener` once when the process of an agent ends, at once when there is none; for an
   * agent with several instances once for each.
   * @param {string} agent @param {(down: Down) => void} listener @returns {Promise<Monitor>}
   */
  async monitor(agent, listener) {
    const monitor = { agent, listener, id: undefined };
    await this.#watch(monitor);
    return monitor;
  }

  /** Ends a monitor. @param {Monitor} monitor */
  demonitor(monitor) {
    if (this.#monitors.has(monitor) && this.connected) {
      this.#tell('demonitor', { monitor: monitor.id });
    }
    this.#forget(monitor);
  }

  // MARK: What it serves

  /**
   * Answers a method with what `handler` returns or throws; a `RemoteError` or another
   * `SupervError` reaches the caller as it is. Handlers run side by side.
   * @param {string} method @param {Handler} handler
   */
  handle(method, handler) {
    this.#handlers.set(method, handler);
    this.#keepAlive();
  }

  /** Calls `listener` when superv asks it to stop. @param {(stop: Stop) => void} listener */
  onStop(listener) {
    this.#stopListeners.push(listener);
    this.#isWatched = true;
  }

  /**
   * Returns when superv has asked this agent to stop and what was in its hands is done: the moment
   * to exit. A program that uses neither this nor `onStop` nor `stopping` gets its SIGTERM then.
   * @returns {Promise<Stop>}
   */
  stopped() {
    const { promise, resolve } = deferred();
    this.#stopWaiters.push(resolve);
    this.#isWatched = true;
    this.#keepAlive();
    this.#stopIfIdle();
    return promise;
  }

  // MARK: The connection

  #connect() {
    const socket = createConnection(this.#path);
    const lines = new LineBuffer();
    this.#socket = socket;
    this.#keepAlive();
    socket.on('connect', () => this.#sayHello(socket));
    socket.on('data', (chunk) => {
      const limitBytes = this.#messageMaxBytes + ENVELOPE_BYTES;
      for (const line of lines.take(chunk, limitBytes)) this.#receive(socket, line);
    });
    socket.on('error', () => {}); // close follows, and says it all
    socket.on('close', () => this.#lost(socket));
  }

  #sayHello(socket) {
    const id = this.#expect((error, answer) => {
      if (error) return this.#refused(socket, error);
      const { agent, name, instance, incarnation, message_max: messageMaxBytes } = answer;
      Object.assign(this, { agent, name, instance, incarnation, connected: true });
      this.#messageMaxBytes = messageMaxBytes ?? this.#messageMaxBytes;
      this.#reconnectMs = FIRST_RECONNECT_MS;
      for (const monitor of this.#monitors) this.#watchAgain(monitor);
      const kept = this.#outbox.splice(0);
      for (const { line, id } of kept) this.#write(line, id);
      this.#endStart();
    });
    // JSON leaves `ready` out until the program has said whether it is.
    const params = { ...this.#hello, ready: this.#isReady };
    this.#write(encode({ id, method: 'hello', params }), id);
  }

  /** superv does not want this connection: for good at the first hello, else it is tried again. */
  #refused(socket, error) {
    socket.destroy();
    if (this.name === undefined && !error.retryable) this.#shut(error);
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.connected = false;
    this.#inHand.clear(); // the work goes on, its answers are dropped
    this.#monitorsById.clear();
    const error = new Unavailable('the connection to superv was lost');
    for (const { settle, isSent } of [...this.#waiting.values()]) if (isSent) settle(error);
    if (this.#end) return;
    const delayMs = this.#reconnectMs * (1 - Math.random() / 2);
    this.#reconnectMs = Math.min(this.#reconnectMs * 2, LAST_RECONNECT_MS);
    this.#reconnectTimer = setTimeout(() => this.#connect(), delayMs);
    this.#keepAlive();
  }

  #shut(error) {
    this.#end ??= error;
    this.connected = false;
    this.#socket = null;
    clearTimeout(this.#reconnectTimer);
    this.#endStart(error instanceof Unavailable ? undefined : error);
    for (const { settle } of [...this.#waiting.values()]) settle(error);
    this.#outbox = [];
  }

  #endStart(error) {
    const started = this.#started;
    if (!started || started.isOver) return;
    started.isOver = true;
    if (error) started.reject(error);
    else started.resolve();
    this.#keepAlive();
  }

  /**
   * The connection keeps the process alive like a server's, while somebody may come: a program
   * that neither serves nor waits may just end.
   */
  #keepAlive() {
    const guests = this.#handlers.size + this.#monitors.size + this.#stopWaiters.length;
    const isOver = this.stopRequest !== null && this.#handling === 0;
    const isNeeded = !this.#started?.isOver || (guests > 0 && !isOver);
    for (const handle of [this.#socket, this.#reconnectTimer]) {
      if (isNeeded) handle?.ref();
      else handle?.unref();
    }
  }

  // MARK: Messages out

  /** Sends a line now, or as soon as superv is back. */
  #send(line, id) {
    const bytes = Buffer.byteLength(line);
    if (bytes > this.#messageMaxBytes) {
      throw new TooLarge(`${bytes} bytes; superv takes ${this.#messageMaxBytes} a message`);
    }
    const backlogBytes = this.#socket?.writableLength ?? 0;
    if (backlogBytes > BACKLOG_LIMIT_BYTES) {
      throw new Overloaded(`superv has not read the last ${backlogBytes} bytes`);
    }
    if (this.connected) this.#write(line, id);
    else if (this.#outbox.length < OUTBOX_LIMIT) this.#outbox.push({ line, id });
    else throw new Unavailable(`superv is away, and ${OUTBOX_LIMIT} messages wait for it already`);
  }

  #write(line, id) {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id);
      if (!waiting) return; // given up while superv was away
      waiting.isSent = true;
    }
    this.#socket.write(line);
  }

  /** A notification: telling never fails, since no work should stop for it. */
  #tell(method, params) {
    if (!this.supervised || this.#end) return;
    const line = encode({ method, params });
    try {
      this.#send(line);
    } catch (error) {
      if (!error.retryable) console.error(`superv: '${method}' was not told: ${error.message}`);
    }
  }

  /** Registers who gets the answer to the next request, exactly once, and returns its id. */
  #expect(settle) {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#waiting.set(id, {
      isSent: false,
      settle: (error, result) => this.#waiting.delete(id) && settle(error, result),
    });
    return id;
  }

  /**
   * A request. `onAnswer` runs before any later message is looked at.
   * @param {{ timeoutMs?: number, signals?: AbortSignal[], onAnswer?: (result: any) => void }} o
   */
  #ask(method, params, { timeoutMs = DEFAULT_TIMEOUT_MS, signals = [], onAnswer } = {}) {
    return new Promise((resolve, reject) => {
      if (!this.supervised) throw new Unavailable('this process does not run under superv');
      if (this.#end) throw this.#end;
      const id = this.#expect((error, result) => {
        clearTimeout(timer);
        for (const signal of signals) signal.removeEventListener('abort', cancel);
        if (error) return reject(error);
        onAnswer?.(result);
        resolve(result);
      });
      const giveUp = (error) => {
        const { isSent, settle } = this.#waiting.get(id);
        if (isSent) this.#tell('cancel', { id });
        settle(error(isSent));
      };
      const cancel = () => giveUp(() => new Cancelled(`${method} was cancelled by its caller`));
      const timer = setTimeout(() => {
        giveUp((isSent) => isSent
          ? new Timeout(`superv did not answer ${method} within ${timeoutMs} ms`)
          : new Unavailable(`superv was away for ${timeoutMs} ms`));
      }, timeoutMs + GRACE_MS);
      for (const signal of signals) signal.addEventListener('abort', cancel);
      try {
        this.#send(encode({ id, method, params }), id);
      } catch (error) {
        this.#waiting.get(id).settle(error);
      }
    });
  }

  async #callOnce(params, deadline, signals) {
    const aborted = signals.find((signal) => signal.aborted);
    if (aborted) throw new Cancelled('cancelled by its caller', { cause: aborted.reason });
    const timeoutMs = Math.ceil(deadline - performance.now());
    if (timeoutMs < 1) throw new Timeout(`no time is left to call ${params.to}`);
    return this.#ask('call', { ...params, timeout_ms: timeoutMs }, { timeoutMs, signals });
  }

  // MARK: Messages in

  #receive(socket, line) {
    if (socket !== this.#socket) return;
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return; // superv writes no such lines; whoever does cannot be told
    }
    if (typeof message?.method === 'string') {
      this.#requested(socket, message.id, message.method, message.params ?? {});
    } else if (message?.id != null) {
      const { error, result } = message;
      this.#waiting.get(message.id)?.settle(error ? errorFromWire(error) : undefined, result);
    } else if (message?.error) {
      const error = errorFromWire(message.error);
      if (!this.connected) this.#refused(socket, error);
      else console.error(`superv: a message was refused: ${error.message}`);
    }
  }

  #requested(socket, id, method, params) {
    switch (method) {
      case 'ping': // from this loop, which does the work: while it is stuck there is no answer
        return this.#answer(socket, id, { result: {} });
      case 'handle':
        return void this.#serve(socket, id, params);
      case 'cancel':
        return this.#inHand.get(params.id)?.abort();
      case 'down':
        return this.#fire(params);
      case 'stop':
        return this.#askedToStop(params);
      default: {
        const error = { code: -32601, message: `agents have no method '${method}'` };
        return this.#answer(socket, id, { error });
      }
    }
  }

  async #serve(socket, id, request) {
    const cancellation = new AbortController();
    setMaxListeners(0, cancellation.signal); // each nested call listens
    const call = new Call(request, cancellation.signal);
    const inHand = { call, isOver: false };
    if (id !== undefined) this.#inHand.set(id, cancellation);
    this.#handling += 1;
    let answer;
    try {
      const handler = this.#handlers.get(request.method);
      if (!handler) throw new RemoteError(-32601, `${this.name} has no method '${request.method}'`);
      const result = await callInHand.run(inHand, () => handler(request.params, call));
      answer = { result: result ?? null };
    } catch (error) {
      const cause = call.cancelled ? new Cancelled(`${call.from} has cancelled`) : error;
      answer = { error: errorToWire(cause) };
      if (id === undefined && error instanceof SupervError) console.error(error); // a cast
    }
    inHand.isOver = true; // what the handler left running is on its own
    this.#handling -= 1;
    this.#answer(socket, id, answer);
    if (this.#inHand.get(id) === cancellation) this.#inHand.delete(id);
    this.#stopIfIdle();
  }

  /** Answers on the connection that asked, if it is still there. */
  #answer(socket, id, answer) {
    if (id === undefined || socket !== this.#socket) return;
    try {
      this.#send(encode({ id, ...answer }));
    } catch (error) {
      this.#socket.write(encode({ id, error: errorToWire(error) }));
    }
  }

  #askedToStop({ reason, deadline_ms: milliseconds = 0 }) {
    if (this.stopRequest !== null) return;
    this.stopRequest = { reason, deadline: performance.now() + milliseconds };
    for (const listener of this.#stopListeners) queueMicrotask(() => listener(this.stopRequest));
    this.#stopIfIdle();
  }

  #stopIfIdle() {
    if (this.stopRequest === null || this.#handling > 0) return;
    for (const resolve of this.#stopWaiters) resolve(this.stopRequest);
    this.#keepAlive();
    if (!this.#isWatched) process.kill(process.pid, 'SIGTERM'); // what superv would do, much later
  }

  // MARK: Monitors

  async #watch(monitor) {
    // superv may say `down` right after its answer, so the id has to be known by then.
    const onAnswer = ({ monitor: id }) => {
      monitor.id = id;
      this.#monitors.add(monitor);
      this.#monitorsById.set(id, monitor);
      this.#keepAlive();
    };
    await this.#ask('monitor', { agent: monitor.agent }, { onAnswer });
  }

  /** After a reconnect. One that is no longer allowed, or of an agent that is gone, ends. */
  async #watchAgain(monitor) {
    try {
      await this.#watch(monitor);
    } catch (error) {
      if (error.retryable) return; // the next connection tries again
      this.#forget(monitor);
      monitor.listener({ agent: monitor.agent, incarnation: null, reason: error.message });
    }
  }

  #fire({ monitor: id, agent, incarnation, reason }) {
    const monitor = this.#monitorsById.get(id);
    if (!monitor) return;
    // The name of an agent with several instances goes on watching the others.
    if (agent === monitor.agent) this.#forget(monitor);
    queueMicrotask(() => monitor.listener({ agent, incarnation, reason }));
  }

  #forget(monitor) {
    this.#monitors.delete(monitor);
    this.#monitorsById.delete(monitor.id);
    this.#keepAlive();
  }
}

/**
 * An agent that has said hello and ready.
 * @param {ConstructorParameters<typeof Agent>[0]} [options] @returns {Promise<Agent>}
 */
export async function start(options) {
  const agent = await new Agent(options).start();
  agent.ready();
  return agent;
}

// MARK: Helpers

/** The call that the code that runs now handles; none once its handler has returned. */
function handledCall() {
  const store = callInHand.getStore();
  return store && !store.isOver ? store.call : undefined;
}

function encode(message) {
  return `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
}

/** As many whole characters as fit superv's limit. */
function clip(text, limitBytes = 512) {
  if (text === undefined || text === null) return undefined;
  const whole = String(text);
  return whole.slice(0, new TextEncoder().encodeInto(whole, new Uint8Array(limitBytes)).read);
}

function deferred() {
  const made = { isOver: false };
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

/** Puts the lines of a stream back together; one that is too long is left out. */
class LineBuffer {
  #pieces = [];
  #bytes = 0;

  take(chunk, limitBytes) {
    const lines = [];
    let from = 0;
    for (let to = chunk.indexOf(10); to >= 0; to = chunk.indexOf(10, from)) {
      this.#add(chunk.subarray(from, to), limitBytes);
      if (this.#bytes <= limitBytes) lines.push(Buffer.concat(this.#pieces).toString());
      [this.#pieces, this.#bytes] = [[], 0];
      from = to + 1;
    }
    this.#add(chunk.subarray(from), limitBytes);
    return lines;
  }

  #add(piece, limitBytes) {
    this.#bytes += piece.length;
    if (this.#bytes <= limitBytes) this.#pieces.push(piece);
    else this.#pieces = [];
  }
}
