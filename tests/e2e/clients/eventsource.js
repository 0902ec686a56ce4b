// Follows the stream argv[2] by npm's eventsource until 204 stops it.
import { EventSource } from 'eventsource';

const headers = { Authorization: `Bearer ${process.env.TOKEN}` };
const source = new EventSource(process.argv[2], {
  fetch: (url, options) => fetch(url, { ...options, headers: { ...options.headers, ...headers } }),
});
for (const type of ['progress', 'completed', 'reset']) {
  source.addEventListener(type, (event) => console.log(event.lastEventId, event.type));
}
