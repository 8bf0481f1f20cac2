// Asks the writer for a draft every two seconds, waits a second for it, and takes no for an answer.

import { setTimeout as pause } from 'node:timers/promises';

import { SupervError, start } from '../../clients/node/superv.mjs';

const agent = await start();
const topics = ['owls', 'rivers', 'bread', 'bells'];

for (let number = 1; !agent.stopping; number += 1) {
  const topic = topics[number % topics.length];
  try {
    const options = { timeoutMs: 1_000, attempts: 2, task: `t-${number}` };
    const { text } = await agent.call('writer', 'draft', { topic }, options);
    console.log(text);
  } catch (error) {
    if (!(error instanceof SupervError)) throw error;
    console.log(`no draft about ${topic}: ${error.kind}, ${error.message}`);
  }
  await pause(2_000);
}
