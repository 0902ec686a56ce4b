/** Says times as the reader's own clock does. Without scripts they name the zone that they are in. */

export function localTimes() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const options = { dateStyle: "medium", timeStyle: time.closest(".timeline") ? "medium" : "short" };
    time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, options);
  }
}

localTimes();
