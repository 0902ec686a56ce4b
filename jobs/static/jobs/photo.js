/** Keeps the page of one photo live while its job runs. */

import { compare } from "./compare.js";
import { connectionHint } from "./connection.js";
import { JobStream } from "./job-stream.js";
import { isFinal, say, showProgress, stateOf } from "./words.js";

const page = document.querySelector("[data-photo]");
const $ = (selector) => page.querySelector(selector);
const name = $("h1").textContent.trim();

function localTimes() {
  for (const time of page.querySelectorAll("time[datetime]")) {
    const options = { dateStyle: "medium", timeStyle: "short" };
    time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, options);
  }
}

/** Draw the whole snapshot, whatever came before: events may have been missed but for the last. */
function draw(snapshot) {
  const state = $(".status");
  state.dataset.status = snapshot.status;
  say(state, stateOf(snapshot));
  document.title = `${stateOf(snapshot)} · ${name} · PhotoRestore`;

  $("[data-start]")?.remove();
  if (isFinal(snapshot)) $("[data-cancel]")?.remove();
  $("[data-doing]").hidden = isFinal(snapshot) && !snapshot.restore;
  $("[data-bar]").hidden = isFinal(snapshot);
  showProgress($("progress"), snapshot);
  $(".percent").textContent = snapshot.status === "processing" ? `${snapshot.progress} %` : "";

  if (snapshot.restore) showResult(snapshot);
  if (snapshot.error) {
    // First shown, then filled: an alert that was hidden while it changed is not read out.
    $("[data-failure]").hidden = false;
    say($("[data-failure] [role=alert]"), snapshot.error.message);
  }
  if (isFinal(snapshot)) $("[data-again]").hidden = false;
}

/** Put the result beside its photo; the picture is all that has to be fetched for it. */
function showResult({ restore, finished_at: finishedAt }) {
  if ($(".after")) return;
  const figure = copy("after-template");
  const image = figure.querySelector("img");
  image.width = restore.width;
  image.height = restore.height;
  image.src = restore.preview_url;
  $("[data-compare]").append(figure);
  compare($("[data-compare]"));
  $("[data-download]").href = restore.image_url;
  $("[data-download]").hidden = false;

  const facts = copy("facts-template");
  for (const field of facts.querySelectorAll("[data-fact]")) field.textContent = restore[field.dataset.fact];
  facts.querySelector("time").dateTime = finishedAt;
  $("[data-again]").before(facts);
  localTimes();
}

/** Nothing of the page is true any more. */
function showDeleted() {
  page.replaceChildren(copy("deleted-template"));
  document.title = `${$("h1").textContent} · PhotoRestore`;
}

const copy = (id) => document.getElementById(id).content.cloneNode(true);

localTimes();
compare($("[data-compare]"));
if ("live" in page.dataset) {
  new JobStream(page.dataset.eventsUrl, {
    lastEventId: page.dataset.lastEventId,
    onConnection: connectionHint($("[data-connection]")),
    onChange(snapshot, type) {
      if (type === "deleted") showDeleted();
      else draw(snapshot);
    },
  });
}
