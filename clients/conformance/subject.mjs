/** The Node client as a subject of run.py: does what the script says, one JSON command a line. */

import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

import { Agent, RemoteError, SupervError } from '../node/superv.mjs';

const agent = new Agent();
const operations = new Map();
const calls = new Map();
const monitors = new Map();
const downs = [];
let lastToken = 0;
let cancelled = 0;

const token = (map, value) => {
  lastToken += 1;
  map.set(lastToken, value);
  return lastToken;
};

const call = ({ to, method, params, timeout_ms: timeoutMs, task, attempts }, signal) =>
  agent.call(to, method, params, { timeoutMs, task, attempts, signal });

const shown = (error) => ({
  kind: error.kind ?? null, code: error.code ?? null, message: error.message,
  retryable: error.retryable ?? false, type: error.constructor.name,
});

// What other agents may ask of it.

agent.handle('echo', (params) => params);
agent.handle('whoami', (_, call) => ({
  from: call.from, task: call.task, trace: call.trace, remaining_ms: call.remaining(),
}));
agent.handle('fail', ({ code, message, data }) => {
  throw new RemoteError(code, message, data);
});
agent.handle('crash', ({ message }) => {
  throw new Error(message);
});
agent.handle('slow', async ({ ms }, { signal }) => {
  const count = () => (cancelled += 1);
  signal.addEventListener('abort', count);
  await pause(ms);
  signal.removeEventListener('abort', count);
  return 'slow';
});
agent.handle('relay', async (params) => {
  try {
    return await call(params);
  } catch (error) {
    if (error instanceof SupervError) return { kind: error.kind };
    throw error;
  }
});
agent.handle('cancelled', () => cancelled);
agent.handle('big', ({ bytes }) => 'x'.repeat(bytes));

// What the script may ask of it.

const commands = {
  ready: () => agent.ready(),
  not_ready: ({ reason }) => agent.notReady(reason),
  status: ({ text }) => agent.status(text),
  heartbeat: ({ progress }) => agent.heartbeat(progress),
  log: ({ level, message, fields, task }) => agent.log(level, message, fields, { task }),
  op_begin({ kind, expected_ms: expectedMs }) {
    let end;
    const ended = new Promise((resolve) => (end = resolve));
    return token(operations, { end, over: agent.op(kind, { expectedMs }, () => ended) });
  },
  async op_end({ token }) {
    operations.get(token).end();
    await operations.get(token).over;
  },
  call: (command) => call(command),
  start_call(command) {
    const controller = new AbortController();
    const answer = call(command, controller.signal);
    answer.catch(() => {});
    return token(calls, { controller, answer });
  },
  cancel_call: ({ token }) => calls.get(token).controller.abort(),
  await_call: ({ token }) => calls.get(token).answer,
  /** The call of a helper: on a connection of its own, which does not serve. */
  async helper_call(command) {
    const helper = await new Agent({ serves: false }).start();
    try {
      return await helper.call(command.to, command.method, command.params);
    } finally {
      await helper.close();
    }
  },
  cast: ({ to, method, params }) => agent.cast(to, method, params),
  async monitor({ agent: name }) {
    return token(monitors, await agent.monitor(name, (down) => downs.push(down)));
  },
  downs: () => downs,
  state: () => ({
    stopping: agent.stopping, supervised: agent.supervised, connected: agent.connected,
  }),
  block({ ms }) {
    const until = performance.now() + ms;
    while (performance.now() < until);
  },
  exit: ({ code }) => process.exit(code),
};

await agent.start();
const script = createConnection(process.env.CONFORMANCE_SOCKET);
createInterface({ input: script }).on('line', async (line) => {
  const command = JSON.parse(line);
  const answer = { n: command.n };
  try {
    answer.ok = (await commands[command.do](command)) ?? null;
  } catch (error) {
    answer.error = shown(error);
  }
  script.write(`${JSON.stringify(answer)}\n`);
});
script.on('close', () => process.exit(0));

await agent.stopped();
await agent.close();
process.exit(0);
