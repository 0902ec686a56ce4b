/** A job's state in the words of the page's language, which the template _words.html brings. */

const words = document.getElementById("words")?.content;

/** Return the words of that kind and name, if there are such. */
export const wordsOf = (kind, name) =>
  words?.querySelector(`[data-${kind}="${CSS.escape(name)}"]`)?.textContent.trim();

export function stateOf({ status, stage }) {
  if ((status === "processing" || status === "pending") && stage) return wordsOf("stage", stage) ?? stage;
  return wordsOf("status", status) ?? status;
}

/** Set the text only where it differs: a live region reads out whatever is set. */
export function say(element, text) {
  if (element.textContent.trim() !== text) element.textContent = text;
}

/** Show how far the job is; a bar without a value says "it will take a while". */
export function showProgress(bar, { status, progress }) {
  if (status === "processing") bar.value = progress;
  else bar.removeAttribute("value");
}

export const isFinal = ({ status }) => ["completed", "failed", "cancelled", "timed_out"].includes(status);
