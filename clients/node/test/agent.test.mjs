import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import {
  Agent, AgentDied, Cancelled, CircuitOpen, Cycle, Denied, Invalid, NoSuchAgent, NotReady,
  Overloaded, RemoteError, SupervError, Timeout, TooLarge, Unavailable, start,
} from '../superv.mjs';
import { FakeSuperv, HELLO, TRACE } from './fake.mjs';

/** An agent, and superv's end of its connection. */
async function connected(t, options) {
  const superv = await FakeSuperv.start(t);
  const agent = new Agent({ socket: superv.path, ...options });
  t.after(() => agent.close());
  const [peer] = await Promise.all([superv.welcome(), agent.start()]);
  return { superv, agent, peer };
}

/** What a call says of its time: what it was given, less what has passed meanwhile. */
function assertLeft(timeoutMs, givenMs) {
  assert.ok(timeoutMs >= 1 && timeoutMs <= givenMs, `${timeoutMs} of ${givenMs} ms`);
}

/** Runs a program of a few lines under the fake; `agent` is started in it. */
async function program(t, body) {
  const superv = await FakeSuperv.start(t);
  const client = new URL('../superv.mjs', import.meta.url);
  const source = `import { start } from '${client}'; const agent = await start(); ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, SUPERV_SOCKET: superv.path }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.exitCode === null && child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([code, signal]) => signal ?? code);
  const peer = await superv.welcome();
  await peer.next('ready');
  return { superv, peer, child, ended };
}

test('hello says what it is, and learns who it is', async (t) => {
  const { agent, peer } = await connected(t);
  assert.equal(peer.hello.jsonrpc, '2.0');
  assert.equal(peer.hello.params.protocol, 1);
  assert.match(peer.hello.params.client, /^superv\.mjs\/\S+ node\/v\d+/);
  assert.ok(Buffer.byteLength(peer.hello.params.client) <= 128);
  assert.equal('ready' in peer.hello.params, false);
  assert.equal('serves' in peer.hello.params, false);
  assert.deepEqual(
    [agent.name, agent.agent, agent.instance, agent.incarnation], ['writer', 'writer', 0, 1]);
  assert.deepEqual([agent.supervised, agent.connected, agent.stopping], [true, true, false]);
});

test('a helper only asks', async (t) => {
  const { peer } = await connected(t, { serves: false });
  assert.equal(peer.hello.params.serves, false);
});

test('start() says ready', async (t) => {
  const superv = await FakeSuperv.start(t);
  const starting = start({ socket: superv.path });
  const peer = await superv.welcome();
  await peer.next('ready');
  await (await starting).close();
  await peer.ended;
});

test('what it tells goes out in order, without ids, within the limits', async (t) => {
  const { agent, peer } = await connected(t);
  agent.ready();
  agent.notReady('reloading');
  agent.status('é'.repeat(300));
  agent.heartbeat('page 41');
  agent.heartbeat(0.5);
  agent.heartbeat();
  agent.log('info', 'fetched', { url: 'http://127.0.0.1/a' }, { task: 't-17' });
  assert.deepEqual(await peer.next('ready'), { jsonrpc: '2.0', method: 'ready' });
  assert.deepEqual((await peer.next('not_ready')).params, { reason: 'reloading' });
  assert.deepEqual((await peer.next('status')).params, { text: 'é'.repeat(256) });
  assert.deepEqual((await peer.next('heartbeat')).params, { progress: 'page 41' });
  assert.deepEqual((await peer.next('heartbeat')).params, { progress: 0.5 });
  assert.deepEqual((await peer.next('heartbeat')).params, {});
  assert.deepEqual((await peer.next('log')).params, {
    level: 'info', message: 'fetched', fields: { url: 'http://127.0.0.1/a' }, task: 't-17',
  });
  assert.throws(() => agent.log('loud', 'x'), TypeError);
});

test('an operation has a beginning and an end, also when it fails', async (t) => {
  const { agent, peer } = await connected(t);
  assert.equal(await agent.op('summarise', { expectedMs: 30_000 }, async () => 7), 7);
  const failing = agent.op('summarise', {}, () => { throw new Error('no'); });
  await assert.rejects(failing, /no/);
  for (const expected of [30_000, undefined]) {
    const { params } = await peer.next('op.begin');
    assert.equal(params.kind, 'summarise');
    assert.equal(params.expected_ms, expected);
    assert.ok(params.op.length <= 64);
    assert.deepEqual((await peer.next('op.end')).params, { op: params.op });
  }
});

test('a call carries what it was given, and returns the result', async (t) => {
  const { agent, peer } = await connected(t);
  const answer = agent.call('planner', 'plan', { a: [1, null] }, { timeoutMs: 5_000, task: 't' });
  const call = await peer.next('call');
  const { timeout_ms: timeoutMs, ...params } = call.params;
  assertLeft(timeoutMs, 5_000);
  assert.deepEqual(
    params, { to: 'planner', method: 'plan', params: { a: [1, null] }, task: 't' });
  peer.answer(call, { ok: 'ü\n\u2028' });
  assert.deepEqual(await answer, { ok: 'ü\n\u2028' });
});

test('params that are absent stay absent, null stays null, answers may cross', async (t) => {
  const { agent, peer } = await connected(t);
  const answers = Promise.all([agent.call('a', 'x'), agent.call('b', 'y', null)]);
  const [first, second] = [await peer.next('call'), await peer.next('call')];
  assert.equal('params' in first.params, false);
  assertLeft(first.params.timeout_ms, 30_000);
  assert.equal(second.params.params, null);
  peer.answer(second, 'second');
  peer.answer(first, null);
  assert.deepEqual(await answers, [null, 'second']);
});

test('every kind of error has a class of its own', async (t) => {
  const { agent, peer } = await connected(t);
  const kinds = {
    timeout: Timeout, no_such_agent: NoSuchAgent, not_ready: NotReady, agent_died: AgentDied,
    overloaded: Overloaded, circuit_open: CircuitOpen, denied: Denied, cycle: Cycle,
    too_large: TooLarge, invalid: Invalid, cancelled: Cancelled, unavailable: Unavailable,
  };
  for (const [kind, type] of Object.entries(kinds)) {
    const failing = agent.call('planner', 'plan').catch((error) => error);
    const data = { retryable: kind === 'circuit_open', retry_after_ms: 250 };
    peer.refuse(await peer.next('call'), kind, -32099, data);
    const error = await failing;
    assert.equal(error.constructor, type);
    assert.ok(error instanceof SupervError);
    assert.deepEqual(
      [error.name, error.kind, error.code, error.retryable, error.retryAfterMs, error.message],
      [type.name, kind, -32099, kind === 'circuit_open', 250, `${kind}, says the fake`]);
  }
});

test('a kind of a later version, and the callee\'s own error', async (t) => {
  const { agent, peer } = await connected(t);
  let failing = agent.call('planner', 'plan').catch((error) => error);
  peer.refuse(await peer.next('call'), 'rate_limited', -32011, { retryable: true });
  let error = await failing;
  assert.deepEqual(
    [error.constructor, error.kind, error.retryable], [SupervError, 'rate_limited', true]);

  failing = agent.call('planner', 'plan').catch((error) => error);
  const { id } = await peer.next('call');
  peer.send({ id, error: { code: 7, message: 'out of ink', data: { color: 'blue' } } });
  error = await failing;
  assert.ok(error instanceof RemoteError);
  assert.deepEqual(
    [error.kind, error.code, error.message, error.data, error.retryable],
    ['remote', 7, 'out of ink', { color: 'blue' }, false]);
});

test('only retryable errors are tried again, within the one timeout', async (t) => {
  const { agent, peer } = await connected(t);
  const retryable = { retryable: true };
  const answer = agent.call('planner', 'plan', 1, { timeoutMs: 5_000, attempts: 3 });
  peer.refuse(await peer.next('call'), 'overloaded', -32004, { ...retryable, retry_after_ms: 20 });
  const second = await peer.next('call');
  assertLeft(second.params.timeout_ms, 4_981);
  peer.refuse(second, 'unavailable', -32010, { retryable: true });
  peer.answer(await peer.next('call'), 'third');
  assert.equal(await answer, 'third');

  const denied = agent.call('planner', 'plan', 1, { attempts: 3 });
  peer.refuse(await peer.next('call'), 'denied', -32006, { retryable: false });
  await assert.rejects(denied, Denied);

  const late = agent.call('planner', 'plan', 1, { timeoutMs: 30_000, attempts: 3 });
  const much = { ...retryable, retry_after_ms: 90_000 };
  peer.refuse(await peer.next('call'), 'overloaded', -32004, much);
  await assert.rejects(late, Overloaded);
});

test('a call that superv never answers ends here, and a late answer is dropped', async (t) => {
  const { agent, peer } = await connected(t);
  const failing = agent.call('planner', 'plan', 1, { timeoutMs: 200 });
  const { id } = await peer.next('call');
  await assert.rejects(failing, Timeout);
  assert.deepEqual((await peer.next('cancel')).params, { id });
  peer.answer({ id }, 'late');
  const next = agent.call('planner', 'plan');
  peer.answer(await peer.next('call'), 'in time');
  assert.equal(await next, 'in time');
});

test('what superv would refuse is refused here', async (t) => {
  const { agent } = await connected(t);
  for (const timeoutMs of [0, -1, NaN, 86_400_001, '5']) {
    const failing = agent.call('planner', 'plan', null, { timeoutMs });
    if (timeoutMs !== '5') await assert.rejects(failing, Invalid);
    else failing.catch(() => {});
  }
  await assert.rejects(agent.call('planner', 'plan', 10n), TypeError);
  await assert.rejects(agent.call('planner', 'plan', 'x'.repeat(65_536)), TooLarge);
});

test('an AbortSignal cancels a call', async (t) => {
  const { agent, peer } = await connected(t);
  const controller = new AbortController();
  const failing = agent.call('planner', 'plan', 1, { signal: controller.signal, attempts: 5 });
  const { id } = await peer.next('call');
  controller.abort();
  await assert.rejects(failing, Cancelled);
  assert.deepEqual((await peer.next('cancel')).params, { id });
  peer.refuse({ id }, 'cancelled', -32009);
  await assert.rejects(agent.call('a', 'b', 1, { signal: controller.signal }), Cancelled);

  // Between two attempts, too.
  const second = new AbortController();
  const waiting = agent.call('planner', 'plan', 1, { signal: second.signal, attempts: 5 });
  const data = { retryable: true, retry_after_ms: 20_000 };
  peer.refuse(await peer.next('call'), 'overloaded', -32004, data);
  setImmediate(() => second.abort());
  await assert.rejects(waiting, Cancelled);
});

test('casts are told to superv, which may refuse them', async (t) => {
  const { agent, peer } = await connected(t);
  const casting = agent.cast('planner', 'note', ['owls'], { task: 't' });
  const cast = await peer.next('cast');
  assert.deepEqual(cast.params, { to: 'planner', method: 'note', params: ['owls'], task: 't' });
  peer.answer(cast, {});
  assert.equal(await casting, undefined);
  const failing = agent.cast('planner', 'note');
  peer.refuse(await peer.next('cast'), 'not_ready', -32002);
  await assert.rejects(failing, NotReady);
});

test('handlers answer, and know the call', async (t) => {
  const { agent, peer } = await connected(t);
  agent.handle('who', (params, call) => ({
    params, from: call.from, method: call.method, task: call.task, trace: call.trace,
    cancelled: call.cancelled, remains: call.remaining() > 4_000 && call.remaining() <= 5_000,
  }));
  agent.handle('nothing', async () => {});
  const { id, result } = await peer.ask('h1', 'who', { a: 1 }, { task: 't-1' });
  assert.equal(id, 'h1');
  assert.deepEqual(result, {
    params: { a: 1 }, from: 'planner', method: 'who', task: 't-1', trace: TRACE, cancelled: false,
    remains: true,
  });
  assert.equal((await peer.ask(0, 'nothing')).result, null);
});

test('handlers run side by side', async (t) => {
  const { agent, peer } = await connected(t);
  let release;
  agent.handle('slow', () => new Promise((resolve) => { release = resolve; }));
  agent.handle('fast', () => 'fast');
  peer.handle(1, 'slow');
  assert.deepEqual(await peer.ask(2, 'fast'), { jsonrpc: '2.0', id: 2, result: 'fast' });
  release('slow');
  assert.deepEqual(await peer.next(), { jsonrpc: '2.0', id: 1, result: 'slow' });
});

test('what a handler throws is the answer', async (t) => {
  const { agent, peer } = await connected(t);
  t.mock.method(console, 'error', () => {});
  agent.handle('own', () => { throw new RemoteError(7, 'out of ink', { color: 'blue' }); });
  agent.handle('kind', () => { throw new Overloaded('too much', { retryAfterMs: 50 }); });
  agent.handle('bug', () => undefined.x);
  agent.handle('odd', async () => { throw 'a string'; });
  agent.handle('big', () => 'x'.repeat(70_000));
  agent.handle('unwritable', () => 1n);
  assert.deepEqual(
    (await peer.ask(1, 'own')).error, { code: 7, message: 'out of ink', data: { color: 'blue' } });
  assert.deepEqual((await peer.ask(2, 'kind')).error, {
    code: -32004, message: 'too much',
    data: { kind: 'overloaded', retryable: true, retry_after_ms: 50 },
  });
  const bug = (await peer.ask(3, 'bug')).error;
  assert.equal(bug.code, -32603);
  assert.match(bug.message, /^TypeError: .*undefined/);
  assert.equal(bug.data, undefined);
  assert.equal((await peer.ask(4, 'odd')).error.message, 'a string');
  assert.equal((await peer.ask(5, 'big')).error.data.kind, 'too_large');
  assert.equal((await peer.ask(6, 'unwritable')).error.code, -32603);
  const missing = (await peer.ask(7, 'missing')).error;
  assert.deepEqual([missing.code, missing.data], [-32601, undefined]);
  assert.match(missing.message, /writer has no method 'missing'/);
  assert.ok(console.error.mock.callCount() >= 3, 'the traceback is on stderr');
});

test('casts are handled and never answered', async (t) => {
  const { agent, peer } = await connected(t);
  t.mock.method(console, 'error', () => {});
  const seen = [];
  agent.handle('note', (params, call) => {
    seen.push(params, call.deadline, call.remaining());
    if (params === 2) throw new Error('nobody hears it');
  });
  for (const params of [1, 2]) {
    const request = { from: 'planner', method: 'note', params, trace: TRACE };
    peer.send({ method: 'handle', params: request });
  }
  peer.send({ method: 'handle', params: { from: 'planner', method: 'missing', trace: TRACE } });
  assert.deepEqual(await peer.ask('p', 'note', 3), { jsonrpc: '2.0', id: 'p', result: null });
  assert.deepEqual(seen.slice(0, 6), [1, Infinity, Infinity, 2, Infinity, Infinity]);
  assert.equal(console.error.mock.callCount(), 2);
});

test('calls made in a handler pass its trace, and take no longer than it may', async (t) => {
  const { agent, peer } = await connected(t);
  agent.handle('outer', async (params) => {
    await new Promise((resolve) => setImmediate(resolve));
    await agent.cast('planner', 'note');
    return (await agent.call('planner', params, null, { timeoutMs: 600_000 })) + 1;
  });
  peer.handle(1, 'outer', 'inner', { deadline_ms: 60_000 });
  const cast = await peer.next('cast');
  assert.equal(cast.params.trace, TRACE);
  peer.answer(cast, {});
  const call = await peer.next('call');
  assert.equal(call.params.trace, TRACE);
  assertLeft(call.params.timeout_ms, 60_000);
  peer.answer(call, 41);
  assert.equal((await peer.next()).result, 42);

  const outside = agent.call('planner', 'plan');
  const plain = await peer.next('call');
  assert.equal('trace' in plain.params, false);
  peer.answer(plain, null);
  await outside;
});

test('side by side, each handler has its own trace; without time no call goes out', async (t) => {
  const { agent, peer } = await connected(t);
  agent.handle('outer', () => agent.call('planner', 'plan'));
  const other = TRACE.replace('0af7', 'ffff');
  peer.handle(1, 'outer', null, { trace: TRACE });
  peer.handle(2, 'outer', null, { trace: other });
  assert.equal((await peer.next('call')).params.trace, TRACE);
  assert.equal((await peer.next('call')).params.trace, other);
  assert.equal((await peer.ask(3, 'outer', null, { deadline_ms: 0 })).error.data.kind, 'timeout');
});

test('what a handler leaves running is on its own', async (t) => {
  const { agent, peer } = await connected(t);
  let after;
  agent.handle('outer', () => {
    after = new Promise((resolve) => setTimeout(() => resolve(agent.call('planner', 'plan')), 30));
  });
  await peer.ask(1, 'outer', null, { deadline_ms: 10 });
  const call = await peer.next('call');
  assert.equal('trace' in call.params, false);
  peer.answer(call, 'done');
  assert.equal(await after, 'done');
});

test('a cancelled handler knows, and so do the calls that it made', async (t) => {
  const { agent, peer } = await connected(t);
  const seen = [];
  agent.handle('outer', async (_, call) => {
    call.signal.addEventListener('abort', () => seen.push('aborted'));
    await agent.call('planner', 'plan').catch((error) => seen.push(error.kind, call.cancelled));
    return 'too late';
  });
  peer.handle('h', 'outer');
  const nested = await peer.next('call');
  peer.send({ method: 'cancel', params: { id: 'unknown' } });
  peer.send({ method: 'cancel', params: { id: 'h' } });
  assert.deepEqual((await peer.next('cancel')).params, { id: nested.id });
  assert.equal((await peer.next()).id, 'h'); // superv drops and counts it

  t.mock.method(console, 'error', () => {});
  agent.handle('pause', (_, { signal }) => pause(20_000, undefined, { signal }));
  peer.handle('p', 'pause');
  peer.send({ method: 'cancel', params: { id: 'p' } });
  assert.equal((await peer.next()).error.data.kind, 'cancelled');
  assert.equal(console.error.mock.callCount(), 0, 'that is no bug to report');
  assert.deepEqual(seen.sort(), ['aborted', 'cancelled', true].sort());
});

test('a ping is answered by the loop that does the work', async (t) => {
  const { peer } = await connected(t);
  peer.send({ id: 'p1', method: 'ping' });
  assert.deepEqual(await peer.next(), { jsonrpc: '2.0', id: 'p1', result: {} });
});

test('a blocked loop does not answer', async (t) => {
  const { peer, child } = await program(t, `
    agent.handle('block', () => {
      console.log('blocked');
      const until = Date.now() + 700;
      while (Date.now() < until);
      agent.status('free again');
    });`);
  peer.handle(1, 'block');
  await once(child.stdout, 'data');
  peer.send({ id: 'p1', method: 'ping' });
  await peer.next('status'); // had the ping been answered from elsewhere, it would have come first
  const answers = [await peer.next(), await peer.next()].map(({ id }) => id).sort();
  assert.deepEqual(answers, [1, 'p1']);
});

test('it connects again, says how it stands, and monitors what it monitored', async (t) => {
  const { superv, agent, peer } = await connected(t);
  agent.ready();
  await peer.next('ready');
  const downs = [];
  const monitoring = agent.monitor('planner', (down) => downs.push(down));
  peer.answer(await peer.next('monitor'), { monitor: 4 });
  await monitoring;

  peer.socket.destroy();
  const again = await superv.welcome({ ...HELLO, message_max: 5_000 });
  assert.equal(again.hello.params.ready, true);
  const monitor = await again.next('monitor');
  assert.deepEqual(monitor.params, { agent: 'planner' });
  again.answer(monitor, { monitor: 1 });
  const down = { monitor: 1, agent: 'planner', incarnation: 2, reason: 'x' };
  again.send({ method: 'down', params: down });
  again.send({ id: 'p', method: 'ping' });
  await again.next();
  assert.deepEqual(downs, [{ agent: 'planner', incarnation: 2, reason: 'x' }]);
  await assert.rejects(agent.call('planner', 'plan', 'x'.repeat(5_000)), TooLarge);
});

test('calls in flight end as unavailable; what was not sent yet waits for superv', async (t) => {
  const { superv, agent, peer } = await connected(t);
  const inFlight = agent.call('planner', 'plan', 1);
  await peer.next('call');
  await superv.leave();
  await assert.rejects(inFlight, (error) => error instanceof Unavailable && error.retryable);
  assert.equal(agent.connected, false);

  agent.notReady('superv is away');
  const abort = new AbortController();
  const dropped = agent.call('planner', 'dropped', 2, { signal: abort.signal });
  const kept = agent.call('planner', 'kept', 3);
  abort.abort();
  await assert.rejects(dropped, Cancelled);
  await superv.listen();
  const again = await superv.welcome();
  assert.equal(again.hello.params.ready, false);
  await again.next('not_ready');
  const call = await again.next('call');
  assert.equal(call.params.method, 'kept');
  again.answer(call, 'kept');
  assert.equal(await kept, 'kept');
});

test('a call while superv is away is bounded, and so is what is kept', async (t) => {
  const { superv, agent } = await connected(t);
  await superv.leave();
  while (agent.connected) await new Promise((resolve) => setImmediate(resolve));
  t.mock.method(console, 'error', () => {});
  await assert.rejects(agent.call('planner', 'plan', 1, { timeoutMs: 200 }), Unavailable);
  agent.log('info', 'to stderr meanwhile', { a: 1 });
  assert.deepEqual(
    console.error.mock.calls.map((call) => call.arguments),
    [['info', 'to stderr meanwhile', '{"a":1}']]);
  for (let count = 0; count < 1_100; count += 1) agent.heartbeat(count);
  await assert.rejects(agent.call('planner', 'plan'), Unavailable);
  await superv.listen();
});

test('the work goes on through a reconnect, its answer is dropped', async (t) => {
  const { superv, agent, peer } = await connected(t);
  let release;
  agent.handle('slow', () => new Promise((resolve) => { release = resolve; }));
  agent.handle('fast', () => 'fast');
  peer.handle('same', 'slow');
  assert.equal((await peer.ask('f', 'fast')).result, 'fast'); // so the slow one has begun
  peer.socket.destroy();
  const again = await superv.welcome();
  release('stale');
  assert.equal((await again.ask('same', 'fast')).result, 'fast');
});

test('attempts carry a call over a reconnect', async (t) => {
  const { superv, agent, peer } = await connected(t);
  const answer = agent.call('planner', 'plan', 1, { attempts: 2 });
  await peer.next('call');
  peer.socket.destroy();
  const again = await superv.welcome();
  again.answer(await again.next('call'), 'second time');
  assert.equal(await answer, 'second time');
});

test('a process that superv does not know is told so', async (t) => {
  const superv = await FakeSuperv.start(t);
  const agent = new Agent({ socket: superv.path });
  const starting = agent.start();
  const peer = await superv.connection();
  peer.refuse({ id: null }, 'denied', -32006);
  peer.socket.end();
  await assert.rejects(starting, Denied);
  await assert.rejects(agent.call('planner', 'plan'), Denied);
  agent.ready(); // and telling still does nothing
});

test('a refused hello is an error at the start', async (t) => {
  const superv = await FakeSuperv.start(t);
  const starting = new Agent({ socket: superv.path }).start();
  const peer = await superv.connection();
  peer.refuse(await peer.next('hello'), 'denied', -32006);
  await assert.rejects(starting, Denied);
});

test('superv may come later than the agent', async (t) => {
  const superv = await FakeSuperv.start(t);
  await superv.leave();
  const agent = new Agent({ socket: superv.path });
  t.after(() => agent.close());
  const starting = agent.start();
  await superv.listen();
  await superv.welcome();
  await starting;
  assert.equal(agent.connected, true);
});

test('without superv nothing is told, calls are unavailable, and the program runs', async () => {
  const agent = await new Agent({ socket: '' }).start();
  agent.ready();
  agent.notReady('x');
  agent.status('x');
  agent.heartbeat();
  agent.log('info', 'x');
  agent.handle('draft', () => 1);
  assert.equal(await agent.op('x', {}, async () => 5), 5);
  assert.deepEqual([agent.supervised, agent.connected, agent.stopping], [false, false, false]);
  await assert.rejects(agent.call('a', 'b'), Unavailable);
  await assert.rejects(agent.cast('a', 'b'), Unavailable);
  await assert.rejects(agent.monitor('a', () => {}), Unavailable);
  await agent.close();
});

test('garbage, odd pieces and lines without end do no harm', async (t) => {
  const { agent, peer } = await connected(t);
  t.mock.method(console, 'error', () => {});
  agent.handle('echo', (params) => params);
  const garbage = [
    'not json', '[]', 'null', '7', '{}', '{"id":99,"result":1}', '', '{"method":7}',
    '{"id":null,"error":{"code":-32700,"message":"what?"}}', 'x'.repeat(80_000),
  ];
  for (const line of garbage) {
    peer.socket.write(`${line}\n`);
  }
  assert.deepEqual(console.error.mock.calls.length, 0);
  peer.send({ id: 'u', method: 'dance' });
  assert.equal((await peer.next()).error.code, -32601);
  peer.send({ method: 'dance' });
  const bytes = Buffer.from(`${JSON.stringify({
    jsonrpc: '2.0', id: 'e', method: 'handle',
    params: { from: 'p', method: 'echo', params: 'é…' },
  })}\r\n`);
  for (const byte of bytes) {
    peer.socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await peer.next()).result, 'é…');
  assert.match(console.error.mock.calls[0].arguments[0], /what\?/);
});

test('a monitor fires once, for each instance once, and can be ended', async (t) => {
  const { agent, peer } = await connected(t);
  const downs = [];
  const note = (name) => (down) => downs.push(`${name}: ${down.agent} ${down.reason}`);
  const pending = ['one', 'many', 'gone'].map((name) => agent.monitor(name, note(name)));
  for (const id of [11, 12, 13]) peer.answer(await peer.next('monitor'), { monitor: id });
  const [, , gone] = await Promise.all(pending);
  agent.demonitor(gone);
  assert.deepEqual((await peer.next('demonitor')).params, { monitor: 13 });
  const ends = [[11, 'one'], [11, 'one'], [12, 'many:0'], [12, 'many:1'], [13, 'gone']];
  for (const [monitor, name] of ends) {
    const params = { monitor, agent: name, incarnation: 1, reason: 'SIGKILL' };
    peer.send({ method: 'down', params });
  }
  peer.send({ id: 'p', method: 'ping' });
  await peer.next();
  assert.deepEqual(
    downs, ['one: one SIGKILL', 'many: many:0 SIGKILL', 'many: many:1 SIGKILL']);

  const failing = agent.monitor('nobody', note('nobody'));
  peer.refuse(await peer.next('monitor'), 'no_such_agent', -32602);
  await assert.rejects(failing, NoSuchAgent);
});

test('down right after the answer is not missed', async (t) => {
  const { agent, peer } = await connected(t);
  const down = new Promise((resolve) => { agent.monitor('mayfly', resolve); });
  const { id } = await peer.next('monitor');
  const fired = { monitor: 1, agent: 'mayfly', incarnation: 3, reason: 'r' };
  peer.socket.write(
    `{"jsonrpc":"2.0","id":${id},"result":{"monitor":1}}\n` +
    `{"jsonrpc":"2.0","method":"down","params":${JSON.stringify(fired)}}\n`);
  assert.deepEqual(await down, { agent: 'mayfly', incarnation: 3, reason: 'r' });
});

test('a stop waits for what is in its hands', async (t) => {
  const { agent, peer } = await connected(t);
  let release;
  const order = [];
  agent.onStop(({ reason }) => order.push(reason));
  agent.handle('slow', () => new Promise((resolve) => { release = resolve; }));
  const stopped = agent.stopped().then(() => order.push('stopped'));
  peer.handle(1, 'slow');
  peer.send({ method: 'stop', params: { reason: 'an operator stopped it', deadline_ms: 5_000 } });
  await peer.ask(2, 'missing');
  assert.deepEqual(order, ['an operator stopped it']);
  assert.equal(agent.stopping, true);
  assert.ok(agent.stopRequest.deadline > performance.now());
  release();
  await stopped;
  assert.deepEqual(order, ['an operator stopped it', 'stopped']);
});

test('a program that waits for stopped() ends by itself', async (t) => {
  const { peer, ended } = await program(
    t, `agent.handle('x', () => 1); await agent.stopped(); process.exitCode = 3;`);
  peer.send({ method: 'stop', params: { reason: 'r', deadline_ms: 5_000 } });
  assert.equal(await ended, 3);
});

test('a program of three lines is ended by its SIGTERM as soon as it is idle', async (t) => {
  const { peer, ended } = await program(t, 'setInterval(() => {}, 1_000);');
  peer.send({ method: 'stop', params: { reason: 'r', deadline_ms: 60_000 } });
  assert.equal(await ended, 'SIGTERM');
});

test('a program that looks at stopping is not interrupted', async (t) => {
  const { peer, ended } = await program(t, `
    while (!agent.stopping) await new Promise((resolve) => setTimeout(resolve, 5));
    process.exitCode = 4;`);
  peer.send({ method: 'stop', params: { reason: 'r', deadline_ms: 60_000 } });
  assert.equal(await ended, 4);
});

test('a program that neither serves nor waits just ends', async (t) => {
  const { ended } = await program(t, '');
  assert.equal(await ended, 0);
});

test('close() sends what was said before, and ends what waits', async (t) => {
  const { agent, peer } = await connected(t);
  agent.log('info', 'x'.repeat(60_000));
  const failing = agent.call('planner', 'plan');
  const closed = agent.close();
  await assert.rejects(failing, Unavailable);
  await closed;
  await peer.next('log');
  await peer.next('call');
  await peer.ended;
  await agent.close();
});

test('the client is one file that needs nothing but node', async () => {
  const source = await readFile(new URL('../superv.mjs', import.meta.url), 'utf8');
  const modules = [...source.matchAll(/^import .* from '(.*)';$/gm)].map(([, module]) => module);
  assert.ok(modules.length > 3);
  assert.deepEqual(modules.filter((module) => !module.startsWith('node:')), []);
});
