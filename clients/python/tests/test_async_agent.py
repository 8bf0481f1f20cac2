"""The agent for asyncio, over a real socket; what superv says comes from threads."""

import asyncio
import contextlib
import io
import unittest

import fake
import superv


class AsyncAgentTest(fake.FakeSupervTest, unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.agent = superv.AsyncAgent(path=self.superv.path)
        starting = asyncio.ensure_future(self.agent.start())
        self.peer = await asyncio.to_thread(self.superv.accept)
        self.said = await asyncio.to_thread(self.peer.hello)
        await asyncio.wait_for(starting, fake.PATIENCE)

    async def asyncTearDown(self):
        await self.agent.close()

    async def read(self, method=None):
        return await asyncio.to_thread(self.peer.read, method)

    async def eventually(self, condition):
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0.005)
        self.fail("it did not come about")


class Telling(AsyncAgentTest):
    async def test_it_is_told_from_the_loop_and_from_threads(self):
        self.assertTrue(self.agent.connected)
        self.assertIs(self.said["serves"], True)
        self.agent.ready()
        await self.read("ready")
        await asyncio.to_thread(self.agent.status, "from a thread")
        await self.read("status")
        async with self.agent.op("summarise", expected=1.0):
            await self.read("op.begin")
        await self.read("op.end")

    async def test_what_superv_does_not_read_at_once_goes_out_in_time(self):
        for number in range(8):
            self.agent.log("info", str(number) * 500_000)
        for number in range(8):
            self.assertEqual((await self.read("log"))["params"]["message"][0], str(number))


class Calling(AsyncAgentTest):
    async def test_results_and_errors(self):
        one, two = (asyncio.ensure_future(self.agent.call("writer", "draft", n, timeout=5.0)) for n in (1, 2))
        first, second = await self.read("call"), await self.read("call")
        self.peer.refuse(second, "agent_died", -32003, True)
        self.peer.answer(first, "owls")
        self.assertEqual(await one, "owls")
        with self.assertRaises(superv.AgentDied):
            await two

    async def test_attempts(self):
        call = asyncio.ensure_future(self.agent.call("writer", "draft", attempts=2))
        self.peer.refuse(await self.read("call"), "not_ready", -32002, True, 1)
        self.peer.answer(await self.read("call"), "second")
        self.assertEqual(await call, "second")

    async def test_cancelling_the_task_cancels_the_call(self):
        call = asyncio.ensure_future(self.agent.call("writer", "draft"))
        asked = await self.read("call")
        call.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await call
        self.assertEqual((await self.read("cancel"))["params"], {"id": asked["id"]})
        self.peer.answer(asked, "late")
        cast = asyncio.ensure_future(self.agent.cast("writer", "note"))
        self.peer.answer(await self.read("cast"), {})
        await cast

    async def test_wait_for_cancels_it_too(self):
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(self.agent.call("writer", "draft"), 0.05)
        await self.read("call")
        await self.read("cancel")

    async def test_a_superv_that_never_answers(self):
        superv.PATIENCE, patience = 0.05, superv.PATIENCE
        self.addCleanup(setattr, superv, "PATIENCE", patience)
        with self.assertRaises(superv.Timeout):
            await self.agent.call("a", "m", timeout=0.05)

    async def test_monitor(self):
        downs = asyncio.Queue()
        monitoring = asyncio.ensure_future(self.agent.monitor("mayfly", downs.put))
        self.peer.answer(await self.read("monitor"), {"monitor": 7})
        await monitoring
        self.peer.send(method="down", params={"monitor": 7, "agent": "mayfly", "incarnation": 1, "reason": "SIGKILL"})
        self.assertEqual((await asyncio.wait_for(downs.get(), fake.PATIENCE)).reason, "SIGKILL")


class Serving(AsyncAgentTest):
    async def test_handlers_of_both_kinds(self):
        @self.agent.handler("slow")
        async def slow(params, call):
            await asyncio.sleep(0)
            return [call.sender, params]

        @self.agent.handler("crash")
        async def crash(params, call):
            raise ValueError("no owls")

        self.agent.handle("plain", lambda params, call: params)
        self.peer.handle("1", "slow", 1)
        self.assertEqual((await self.read())["result"], ["planner", 1])
        self.peer.handle("2", "plain", 2)
        self.assertEqual((await self.read())["result"], 2)
        with contextlib.redirect_stderr(io.StringIO()):
            self.peer.handle("3", "crash")
            self.assertEqual((await self.read())["error"], {"code": -32603, "message": "ValueError: no owls"})
        self.peer.handle("4", "sing")
        self.assertEqual((await self.read())["error"]["code"], -32601)
        await self.eventually(lambda: not self.agent._tasks)

    async def test_nested_calls_of_handlers_side_by_side_keep_their_own_trace(self):
        @self.agent.handler("draft")
        async def draft(params, call):
            await asyncio.sleep(0)
            return await self.agent.call("researcher", "look_up", timeout=60.0)

        traces = [fake.TRACE[:-1] + end for end in "12"]
        for trace in traces:
            self.peer.handle(trace, "draft", trace=trace, deadline_ms=3000)
        asked = [await self.read("call") for _ in traces]
        self.assertEqual([each["params"]["trace"] for each in asked], traces)
        for each in asked:
            self.assertLessEqual(each["params"]["timeout_ms"], 3000)
            self.peer.answer(each, each["params"]["trace"])
        for _ in traces:
            answer = await self.read()
            self.assertEqual(answer["result"], answer["id"])

    async def test_a_cancel_ends_the_task_and_what_it_waits_for(self):
        ended = []

        @self.agent.handler("draft")
        async def draft(params, call):
            try:
                await self.agent.call("researcher", "look_up")
            finally:
                ended.append(call.cancelled)

        self.peer.handle("7", "draft")
        asked = await self.read("call")
        self.peer.send(method="cancel", params={"id": "7"})
        self.assertEqual((await self.read("cancel"))["params"], {"id": asked["id"]})
        await self.eventually(lambda: ended == [True] and not self.agent._tasks)
        self.peer.send({"id": "p1", "method": "ping"})
        self.assertEqual((await self.read())["id"], "p1")

    async def test_one_that_is_cancelled_before_it_begins(self):
        self.agent.handle("draft", lambda params, call: self.fail("it began"))
        line = b'{"jsonrpc":"2.0","id":"7","method":"handle","params":{"from":"a","method":"draft"}}\n'
        self.peer.send(line + b'{"jsonrpc":"2.0","method":"cancel","params":{"id":"7"}}\n{"id":"p1","method":"ping"}\n')
        self.assertEqual((await self.read())["id"], "p1")
        await self.eventually(lambda: not self.agent._tasks)

    async def test_a_blocked_loop_answers_no_ping(self):
        self.peer.send(id="p1", method="ping")
        self.peer.connection.settimeout(0.05)
        with self.assertRaises(OSError):  # this does not await, so the loop stands still
            self.peer.connection.recv(1)
        self.peer.connection.settimeout(fake.PATIENCE)
        received = await asyncio.to_thread(self.peer.connection.recv, 100)
        self.assertIn(b'"p1"', received)


class Stopping(AsyncAgentTest):
    async def test_leaving_lets_handlers_finish(self):
        order = []
        go_on = asyncio.Event()

        @self.agent.handler("draft")
        async def draft(params, call):
            await go_on.wait()
            order.append("answered")
            return 1

        async def on_stop():
            order.append("asked")
            asyncio.get_running_loop().call_later(0.02, go_on.set)

        self.agent.on_stop(on_stop)
        self.peer.handle("7", "draft")
        self.peer.send(method="stop", params={"reason": "it ends", "deadline_ms": 5000})
        async with self.agent:
            await asyncio.wait_for(self.agent.stopped(), fake.PATIENCE)
        self.assertEqual(order, ["asked", "answered"])
        self.assertEqual((await self.read())["result"], 1)
        self.assertTrue(await asyncio.to_thread(self.peer.ended))
        with self.assertRaises(superv.Unavailable):
            await self.agent.call("a", "m")

    async def test_no_longer_than_superv_gives(self):
        self.agent.handle("draft", lambda params, call: asyncio.sleep(60))
        self.peer.handle("7", "draft")
        self.peer.send(method="stop", params={"reason": "it ends", "deadline_ms": 50})
        await self.agent.stopped()
        await self.agent.close()
        self.assertEqual((await self.read())["error"]["data"]["kind"], "cancelled")


class Reconnecting(AsyncAgentTest):
    async def test_state_is_restored_and_what_was_in_flight_is_not(self):
        self.agent.ready()
        await self.read("ready")
        monitoring = asyncio.ensure_future(self.agent.monitor("mayfly", print))
        self.peer.answer(await self.read("monitor"), {"monitor": 7})
        await monitoring
        call = asyncio.ensure_future(self.agent.call("a", "m"))
        await self.read("call")
        self.superv.go_away()
        with self.assertRaises(superv.Unavailable):
            await call
        again = asyncio.ensure_future(self.agent.call("a", "m"))
        self.superv.listen()
        self.peer = await asyncio.to_thread(self.superv.accept)
        self.assertIs((await asyncio.to_thread(self.peer.hello))["ready"], True)
        self.assertEqual((await self.read("monitor"))["params"], {"agent": "mayfly"})
        self.peer.answer(await self.read("call"), "after all")
        self.assertEqual(await again, "after all")


class Elsewhere(fake.FakeSupervTest, unittest.IsolatedAsyncioTestCase):
    async def test_outside_superv(self):
        async with superv.AsyncAgent() as agent:
            agent.ready()
            agent.log("info", "x")
            async with agent.op("x"):
                self.assertFalse(agent.supervised or agent.stopping)
            with self.assertRaisesRegex(superv.Unavailable, "SUPERV_SOCKET"):
                await agent.call("a", "m")
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(agent.stopped(), 0.01)

    async def test_start_returns_without_superv(self):
        self.superv.go_away()
        async with superv.AsyncAgent(path=self.superv.path) as agent:
            self.assertFalse(agent.connected)
            with self.assertRaises(superv.Unavailable):
                await agent.call("a", "m", timeout=0.05)
