import type { Transport } from "./index.js";

/**
 * The browser's own EventSource, by cookie or by grant: `createClient({ transport: eventSource })`.
 * It sends no header, so an API token does not open its streams.
 */
export const eventSource: Transport;
