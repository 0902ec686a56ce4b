/** Keeps the page of one photo live while its job runs. */

import { createClient } from "../client/index.js";
import { compare } from "./compare.js";
import { connectionHint } from "./connection.js";
import { connectNews } from "./news.js";
import { localTimes } from "./times.js";
import { isFinal, say, showProgress, stateOf, wordsOf } from "./words.js";

const NO_ID = "00000000-0000-0000-0000-000000000000";
const page = document.querySelector("[data-photo]");
const $ = (selector) => page.querySelector(selector);
const name = $("h1").textContent.trim();
const tell = connectNews(page);

/** Draw the whole snapshot, whatever came before: events may have been missed but for the last. */
function draw(snapshot) {
  const state = $(".status");
  state.dataset.status = snapshot.status;
  say(state, stateOf(snapshot));
  document.title = `${stateOf(snapshot)} · ${name} · PhotoRestore`;

  $("[data-start]")?.remove();
  if (isFinal(snapshot)) $("[data-cancel]")?.remove();
  $("[data-bar]").hidden = isFinal(snapshot);
  showAhead(snapshot);
  showProgress($("progress"), snapshot);
  $(".percent").textContent = snapshot.status === "processing" ? `${snapshot.progress} %` : "";

  if (snapshot.restore) showResult(snapshot.restore);
  showDownload(snapshot);
  showMoments(snapshot);
  if (snapshot.error) showFailure(snapshot.error);
  if (isFinal(snapshot)) finish(snapshot);
}

/** It has a turn to wait for: one that is on hold waits for something else. */
const waits = ({ status, stage }) => (status === "pending" && stage !== "on hold") || status === "queued";

function showAhead(snapshot) {
  const hint = $("[data-ahead]");
  hint.hidden = !waits(snapshot);
  if (waits(snapshot)) say(hint, wordsOf("ahead", snapshot.ahead));
}

function showMoments(snapshot) {
  for (const moment of page.querySelectorAll("[data-moment]")) {
    const at = snapshot[moment.dataset.moment];
    moment.hidden = !at;
    if (at) moment.querySelector("time").dateTime = at;
  }
  if (isFinal(snapshot)) $("[data-end]").textContent = stateOf(snapshot);
  localTimes();
}

/** Put the result beside its photo; the picture is all that has to be fetched for it. */
function showResult(restore) {
  const figure = copy("after-template");
  const image = figure.querySelector("img");
  image.width = restore.width;
  image.height = restore.height;
  image.src = restore.preview_url;
  const old = $(".after");
  if (old) {
    old.replaceWith(figure);
    keep(old);
  } else $("[data-compare]").append(figure);
  compare($("[data-compare]"));
  $("[data-download]").href = restore.image_url;
  showFacts(restore);
}

/** It and the bar take turns; where nothing new has come, it is of the result from before. */
function showDownload(snapshot) {
  const download = $("[data-download]");
  const isThere = download.hasAttribute("href");
  download.hidden = !isThere || !isFinal(snapshot);
  $("[data-doing]").hidden = !isThere && isFinal(snapshot);
}

/** List what was shown until now among the other results, by the picture that is here already. */
function keep(figure) {
  const item = copy("earlier-template");
  const image = figure.querySelector("img");
  image.removeAttribute("data-testid");
  image.alt = item.querySelector("img").alt;
  item.querySelector("img").replaceWith(image);
  $(".earlier").prepend(item);
  $("[data-earlier]").hidden = false;
}

function showFacts(restore) {
  const facts = copy("result-template");
  for (const field of facts.querySelectorAll("[data-fact]")) field.textContent = restore[field.dataset.fact];
  for (const link of facts.querySelectorAll("a")) link.href = link.getAttribute("href").replace(NO_ID, restore.id);
  $("[data-result]")?.remove();
  $("[data-columns]").prepend(facts);
}

async function showFailure({ message, retryable }) {
  const text = await inWords(message);
  // First shown, then filled: an alert that was hidden while it changed is not read out.
  $("[data-failure]").hidden = false;
  say($("[data-failure] [role=alert]"), text);
  $("[data-retryable]").hidden = !retryable;
  $("[data-final]").hidden = retryable;
}

/** Programs are told in English why it failed, people by the page as it would be loaded now. */
async function inWords(message) {
  if (document.documentElement.lang === "en") return message;
  const now = await loaded();
  return now?.querySelector("[data-failure] [role=alert]")?.textContent.trim() || message;
}

/** Return this page as it would be loaded now; undefined where the server is away or in trouble. */
async function loaded() {
  const answer = await fetch(location.href).catch(() => undefined);
  if (answer?.status < 500) return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** Say so if it was changed by another page or device: no stream tells of a job that has ended. */
async function compareToNow() {
  if (document.hidden || "live" in page.dataset) return;
  const now = await loaded();
  if (now && shownBy(now) !== shownBy(document)) hint.onReset();
}

/** Return what tells two states of this page apart: its job, its result, its link. */
const shownBy = (html) =>
  [
    html.querySelector("[data-photo]")?.dataset.job,
    html.querySelector(".after img")?.getAttribute("src"),
    html.querySelector("#share-url")?.value,
  ].join();

function finish(snapshot) {
  delete page.dataset.live; // no more is told of it
  $("[data-again]").hidden = false;
  $("[data-notify]").hidden = true;
  tell(`${name}: ${stateOf(snapshot)}`);
}

/** Nothing of the page is true any more. */
function showDeleted() {
  page.replaceChildren(copy("deleted-template"));
  document.title = `${$("h1").textContent} · PhotoRestore`;
  $("h1").focus();
}

const copy = (id) => document.getElementById(id).content.cloneNode(true);

function connectCopying() {
  const button = $("[data-copy]");
  if (!button || !navigator.clipboard) return;
  button.hidden = false;
  button.onclick = async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    button.textContent = button.dataset.copied;
  };
}

// Back from another page, the browser may show this one as it was left, or as it was loaded then,
// without asking; one that is live catches up.
addEventListener("pageshow", ({ persisted }) => {
  const [{ type }] = performance.getEntriesByType("navigation");
  if ((persisted || type === "back_forward") && !("live" in page.dataset)) location.reload();
});

const hint = connectionHint($("[data-connection]"));
addEventListener("visibilitychange", compareToNow);
compare($("[data-compare]"));
connectCopying();
if ("live" in page.dataset) {
  const { job, lastEventId } = page.dataset;
  const handlers = {
    ...hint,
    onEvent({ type, data }) {
      if (type === "deleted") showDeleted();
      else if (type !== "reset") draw(data);
    },
  };
  createClient().subscribe(job, handlers, { lastEventId });
}
