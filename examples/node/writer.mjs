// Writes drafts for whoever asks. Two in three succeed; the third comes too late for the planner.

import { setTimeout as pause } from 'node:timers/promises';

import { Agent, RemoteError } from '../../clients/node/superv.mjs';

const agent = await new Agent().start();
let drafts = 0;

agent.handle('draft', async (params, call) => {
  if (!params?.topic) throw new RemoteError(1, 'there is no topic');
  drafts += 1;
  agent.status(`draft ${drafts}, for ${call.from}`);
  await agent.op('draft', { expectedMs: 500 }, () =>
    // Nobody waits for it any more: no use in going on.
    pause(drafts % 3 === 0 ? 5_000 : 300, undefined, { signal: call.signal }));
  agent.log('info', 'drafted', { topic: params.topic }, { task: call.task });
  return { text: `Draft ${drafts}, about ${params.topic}` };
});

await pause(500); // it reads its dictionary
agent.ready();

const { reason } = await agent.stopped();
console.log(`stopped with empty hands after ${drafts} drafts: ${reason}`);
