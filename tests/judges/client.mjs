// What RunPod's JavaScript client makes of an endpoint: node client.mjs SDK BASE_URL KEY prints JSON.
const [sdk, baseUrl, key] = process.argv.slice(2)
const { default: runpodSdk } = await import(sdk)
console.log = () => {} // it tells its own progress there

const endpoint = runpodSdk(key, { baseUrl }).endpoint('local')
const refusal = (call) => call.then((answer) => answer, (error) => error.response?.status ?? `${error}`)
const outputs = async (stream) => {
  const found = []
  for await (const output of stream) found.push(output)
  return found
}

const answer = { image: 'x' }
const ran = await endpoint.run({ input: { answer } })
const ended = await endpoint.statusSync(ran.id, 10000)
const failed = await endpoint.run({ input: { answer: { error: 'no face found' } } })
const found = {
  run: ran,
  statusSync: ended,
  status: await endpoint.status(ran.id),
  stream: await outputs(endpoint.stream(ran.id)),
  runSync: await endpoint.runSync({ input: { answer } }, 10000),
  failed: await endpoint.statusSync(failed.id, 10000),
  unknownJob: await refusal(endpoint.status('none')),
  unknownEndpoint: await refusal(runpodSdk(key, { baseUrl }).endpoint('other').health()),
  wrongKey: await refusal(runpodSdk('wrong', { baseUrl }).endpoint('local').health()),
  badRequest: await refusal(endpoint.run({ input: 'text' })),
}
const held = await endpoint.run({ input: { hold: true } })
const waiting = await endpoint.run({ input: { hold: true } })
found.health = await endpoint.health()
found.purged = [await endpoint.purgeQueue(), await endpoint.status(waiting.id)]
found.cancelled = [await endpoint.cancel(held.id), await endpoint.status(held.id)]
process.stdout.write(JSON.stringify(found))
