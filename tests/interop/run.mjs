// Plays providers that others wrote (the npm package @copilotkit/aimock) to keywheel-chat, and compares what it makes of
// them: text, thoughts, tools, tools' results and refusals, whole and streamed.
//
//     node run.mjs AIMOCK_CLI KEYWHEEL_CHAT

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

const [cli, chat] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));

// Each service answers to a model of its own name. `lacks`: what this server does not play as the provider does it.
const services = (url) => ({
  chat: { type: 'openai', server_url: `${url}/v1` },
  responses: { type: 'openai', api: 'responses', server_url: `${url}/v1` },
  claude: { type: 'claude', server_url: url },
  gemini: { type: 'gemini', server_url: `${url}/v1beta` },
  vertexai: { type: 'vertexai', server_url: url, credential: { project_id: 'p', access_token: 'a-token' } },
  bedrock: {
    type: 'bedrock', server_url: url, options: { region: 'us-east-1' },
    credential: { access_key: 'an-id', secret_key: 'a-secret' },
  },
  azure: { type: 'azure', server_url: url },
  openrouter: { type: 'openrouter', server_url: `${url}/api/v1` },
  ollama: { type: 'ollama', server_url: url },
  cohere: { type: 'cohere', server_url: url, lacks: ['thoughts'] },  // they come as text
});

const weather = {
  type: 'function',
  function: {
    name: 'get_weather', description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } },
  },
};
const call = (id, input) => ({
  id, type: 'function', function: { name: 'get_weather', arguments: JSON.stringify(input) },
});
const cities = [{ city: 'Turin' }, { city: 'Zürich', days: 2 }];
const ask = (content) => ({ messages: [{ role: 'user', content }] });

const cases = {
  text: {
    request: ask('hello'),
    answer: { text: 'Good day from a server that somebody else wrote: "你好" 👋', calls: [], finish: 'stop' },
  },
  thoughts: {
    request: ask('think'),
    answer: { text: '42', reasoning: 'Six times seven is forty-two.', calls: [], finish: 'stop' },
  },
  tools: {
    request: { ...ask('weather'), tools: [weather] },
    answer: { text: '', calls: cities.map((city) => ['get_weather', city]), finish: 'tool_calls' },
  },
  results: {
    request: {
      messages: [
        { role: 'user', content: 'weather' },
        { role: 'assistant', content: null, tool_calls: cities.map((city, i) => call(`call_${i}`, city)) },
        { role: 'tool', tool_call_id: 'call_0', content: 'rain' },
        { role: 'tool', tool_call_id: 'call_1', content: 'sun' },
      ],
      tools: [weather],
    },
    answer: { text: 'Rain in Turin, sun in Zürich.', calls: [], finish: 'stop' },
  },
  refusal: { request: ask('hurry'), answer: { kind: 'rate_limited', status: 429, retry: true } },
};

// Retry-After says seven seconds, aimock's own x-ratelimit headers that no token is left of this minute: the longer holds.
const read = ({ error, ...reply }, expected) =>
  error
    ? { kind: error.kind, status: error.status, retry: error.retry_after_ms > 6000 && error.retry_after_ms <= 60500 }
    : {
        text: reply.text,
        ...(expected.reasoning === undefined ? {} : { reasoning: reply.reasoning }),
        calls: reply.tool_calls.map(({ name, arguments: input }) => [name, JSON.parse(input)]),
        finish: reply.finish_reason,
      };

const listening = (server) =>
  new Promise((resolve, reject) => {
    createInterface(server.stdout).on('line', (line) => {
      const found = /listening on (http:\S+)/.exec(line);
      if (found) resolve(found[1]);
    });
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });

const folder = mkdtempSync(join(tmpdir(), 'keywheel-interop-'));
const server = spawn(process.execPath, [cli, '--port', '0', '--strict', '--fixtures', join(here, 'fixtures.json')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let failed = 0;
let passed = 0;
try {
  const all = services(await listening(server));
  for (const [name, { type, lacks = [], credential = { api_key: 'a-key' }, ...service }] of Object.entries(all)) {
    const entry = { enabled: true, models: [name], credential_list: [credential], ...service };
    const config = join(folder, `${name}.json`);
    writeFileSync(config, JSON.stringify({ services: { [type]: [entry] } }));
    for (const [title, { request, answer }] of Object.entries(cases)) {
      if (lacks.includes(title)) continue;
      for (const stream of [false, true]) {
        const options = ['--config', config, '--json', '--deadline', '5'];
        if (stream) options.push('--stream');
        const run = spawnSync(chat, [...options, '--request', '-'], {
          encoding: 'utf8', input: JSON.stringify({ model: name, ...request }),
        });
        let came = run.stdout + run.stderr;
        try {
          came = read(JSON.parse(run.stdout), answer);
        } catch {
          // What it printed is shown as it is.
        }
        if (isDeepStrictEqual(came, answer)) {
          ++passed;
        } else {
          ++failed;
          console.log(`${name}, ${title}, ${stream ? 'streamed' : 'whole'}: expected`, answer, 'came', came);
        }
      }
    }
  }
} finally {
  server.kill();
  rmSync(folder, { recursive: true });
}
console.log(`${passed} answers as expected, ${failed} not`);
process.exitCode = failed === 0 ? 0 : 1;
