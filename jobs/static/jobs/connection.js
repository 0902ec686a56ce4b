/** Says on the page when it is not live. Returned for JobStream's onConnection. */

// The server ends every stream now and then and asks for a return within 5 s. Nobody needs to know.
const PATIENCE = 2500; // milliseconds

export function connectionHint(element) {
  let timer = 0;
  let stale = false;
  const show = (name) => {
    for (const hint of element.children) hint.hidden = !(name in hint.dataset);
  };
  return (state) => {
    stale ||= state === "stale";
    if (state === "reconnecting" && !stale) {
      // Said again at each try; the first one counts.
      timer ||= setTimeout(show, PATIENCE, "reconnecting");
      return;
    }
    clearTimeout(timer);
    timer = 0;
    show(state === "lost" || stale ? "lost" : "");
  };
}
