/** Says on the page when it is not live: handlers for the client's subscription. */

// The server ends every stream now and then and asks for a return within 5 s. Nobody needs to know.
const PATIENCE = 2500; // milliseconds

export function connectionHint(element) {
  let timer = 0;
  let stale = false;
  const show = (name) => {
    for (const hint of element.children) hint.hidden = !(name in hint.dataset);
  };
  const settle = (name) => {
    clearTimeout(timer);
    timer = 0;
    show(stale ? "lost" : name);
  };
  return {
    onConnection(connection, error) {
      if (connection !== "reconnecting") settle(error ? "lost" : "");
      // Said again at each try; the first one counts.
      else if (!stale) timer ||= setTimeout(show, PATIENCE, "reconnecting");
    },
    /** Something may have been missed: the server's log began anew, for one. */
    onReset() {
      stale = true;
      settle("lost");
    },
  };
}
