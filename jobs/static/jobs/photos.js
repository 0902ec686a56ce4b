/** Keeps the grid of photos live: one stream for all of them. */

import { connectionHint } from "./connection.js";
import { JobStream } from "./job-stream.js";
import { isFinal, say, showProgress, stateOf } from "./words.js";

const grid = document.querySelector("[data-photos]");

function draw(card, snapshot) {
  const state = card.querySelector(".status");
  state.dataset.status = snapshot.status;
  say(state, stateOf(snapshot));
  const bar = card.querySelector("progress");
  bar.hidden = isFinal(snapshot);
  showProgress(bar, snapshot);
  if (snapshot.restore) card.querySelector("img").src = snapshot.restore.preview_url;
}

/** Each card shows its photo's newest job; what an older one does is not its matter. */
function isNewest(card, { job_id: job, created_at: created }) {
  if (card.dataset.job === job) return true;
  if (Date.parse(created) < Date.parse(card.dataset.created)) return false;
  card.dataset.job = job;
  card.dataset.created = created;
  return true;
}

function cardOf(snapshot) {
  const card = grid.querySelector(`[data-photo="${snapshot.photo_id}"]`);
  return card && isNewest(card, snapshot) ? card : null;
}

const tell = (card, snapshot) => say(grid.querySelector("[data-news]"), `${card.querySelector("h3").textContent}: ${stateOf(snapshot)}`);

function remove(card, snapshot) {
  tell(card, snapshot);
  card.remove();
  const others = grid.querySelector(".card") || grid.querySelector(".pages");
  document.querySelector("[data-empty]").hidden = Boolean(others);
}

if (grid) {
  new JobStream(grid.dataset.eventsUrl, {
    lastEventId: grid.dataset.lastEventId,
    endless: true,
    onConnection: connectionHint(grid.querySelector("[data-connection]")),
    onChange(snapshot, type) {
      const card = cardOf(snapshot);
      if (!card) return;
      if (type === "deleted") remove(card, snapshot);
      else draw(card, snapshot);
    },
    // Read out once a photo is ready, not at every step of every photo.
    onFinal(snapshot) {
      const card = cardOf(snapshot);
      if (card) tell(card, snapshot);
    },
  });
}
