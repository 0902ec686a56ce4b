/** Keeps the grid of photos live, one stream for all of them, and takes new ones in. */

import { createClient } from "../client/index.js";
import { connectionHint } from "./connection.js";
import { connectNews } from "./news.js";
import { connectUpload, isUploading } from "./upload.js";
import { isFinal, say, showProgress, stateOf } from "./words.js";

const NO_ID = "00000000-0000-0000-0000-000000000000";
const grid = document.querySelector("[data-photos]");
const cards = grid.querySelector(".grid");
// What is older and has no card is on another page.
const newest = Date.parse(cards.querySelector(".card")?.dataset.created);
const news = connectNews(grid);
const all = grid.querySelector("[data-all]");
const boxes = () => [...cards.querySelectorAll("[name=photo]")];
// What was told of photos whose cards are not here yet: their upload is still being answered.
const early = new Map();

function draw(card, snapshot) {
  const state = card.querySelector(".status");
  state.dataset.status = snapshot.status;
  say(state, stateOf(snapshot));
  const bar = card.querySelector("progress");
  bar.hidden = isFinal(snapshot) || snapshot.status === "created";
  showProgress(bar, snapshot);
  card.querySelector("[data-again]").hidden = !snapshot.error;
  if (snapshot.restore) showThumbnails(card.querySelector("picture"), snapshot.restore.thumbnails_url);
}

/** Show another picture, whose thumbnails' addresses begin like this. */
function showThumbnails(picture, address) {
  const old = picture.dataset.thumbnails;
  if (old === address) return;
  picture.dataset.thumbnails = address;
  for (const element of picture.children) {
    for (const name of ["srcset", "src"]) {
      const value = element.getAttribute(name);
      if (value) element.setAttribute(name, value.replaceAll(old, address));
    }
  }
}

/** Each card shows its photo's newest job; what an older one does is not its matter. */
function isNewest(card, { job_id: job, created_at: created }) {
  if (card.dataset.job === job) return true;
  if (Date.parse(created) < Date.parse(card.dataset.created)) return false;
  card.dataset.job = job;
  card.dataset.created = created;
  return true;
}

const find = (photo) => cards.querySelector(`[data-photo="${CSS.escape(photo)}"]`);

const told = (card, snapshot) => `${card.querySelector("h3").textContent}: ${stateOf(snapshot)}`;

function take(snapshot, type) {
  const card = find(snapshot.photo_id);
  if (!card) meet(snapshot, type);
  else if (!isNewest(card, snapshot)) return;
  else if (type === "deleted") remove(card, snapshot);
  else draw(card, snapshot);
}

/** It may be of a photo that is on its way from here, else it was sent or asked for elsewhere. */
async function meet(snapshot, type) {
  const { photo_id: photo } = snapshot;
  const isMet = early.has(photo);
  early.set(photo, snapshot);
  const isNew = "first" in grid.dataset && !(Date.parse(snapshot.created_at) <= newest);
  if (isMet || type === "deleted" || isUploading() || !isNew) return;
  const answer = await fetch(grid.dataset.cardUrl.replace(NO_ID, photo)).catch(() => null);
  if (answer?.ok && !find(photo)) add(await answer.text());
  early.delete(photo);
}

function remove(card, snapshot) {
  say(grid.querySelector("[data-news]"), told(card, snapshot));
  card.remove();
  sayIfEmpty();
}

/** Say that there is nothing: of the state that was chosen, or at all. */
function sayIfEmpty() {
  const hint = grid.querySelector("[data-none]") ?? document.querySelector("[data-empty]");
  hint.hidden = Boolean(grid.querySelector(".card, .pages"));
  showChosen();
}

/** Whether it has a place here: not among photos in other states, nor among older ones. */
const fits = (card) => grid.dataset.shows.split(" ").includes(card.querySelector(".status").dataset.status);

/** Put a card, as the server made it, before all others if it fits; one of the same photo goes. */
function add(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const card = template.content.querySelector(".card");
  if (!fits(card)) return card;
  const old = find(card.dataset.photo);
  card.querySelector("[name=photo]").checked = Boolean(old?.querySelector(":checked"));
  old?.remove();
  cards.prepend(card);
  grid.hidden = false;
  sayIfEmpty();
  const snapshot = early.get(card.dataset.photo);
  if (snapshot && isNewest(card, snapshot)) draw(card, snapshot);
  return card;
}

/** Choose all cards at once, or none. */
function connectSelection() {
  all.onchange = () => {
    for (const box of boxes()) box.checked = all.checked;
  };
  cards.addEventListener("change", showChosen);
}

/** Have the box for all say whether all are chosen, some, or none. */
function showChosen() {
  const chosen = boxes().filter((box) => box.checked).length;
  all.checked = chosen > 0 && chosen === boxes().length;
  all.indeterminate = chosen > 0 && !all.checked;
}

/** Read out once a photo is ready, not at every step of every photo. */
function tell(snapshot) {
  const card = find(snapshot.photo_id);
  if (!card || card.dataset.job !== snapshot.job_id) return;
  say(grid.querySelector("[data-news]"), told(card, snapshot));
  news(told(card, snapshot));
}

connectSelection();
const retryUnsent = connectUpload(document.querySelector("[data-upload]"), add);
const hint = connectionHint(grid.querySelector("[data-connection]"));
const handlers = {
  ...hint,
  onConnection(connection, error) {
    hint.onConnection(connection, error);
    // The server is there again: so it is for what did not reach it.
    if (connection === "open") retryUnsent();
  },
  onEvent({ type, data }) {
    if (type === "reset") return;
    take(data, type);
    if (isFinal(data)) tell(data);
  },
};
createClient().subscribe("all", handlers, { lastEventId: grid.dataset.lastEventId });
