/** Tells who looks elsewhere that a result is there: by the title, the icon, and a notification. */

const KEY = "photorestore.notify";
const icon = document.querySelector("link[rel=icon]");
const plain = icon?.href;

/** Let the button ask for notifications; `done` is the address of the icon that says "ready". */
export function connectNews(page) {
  const done = page.dataset.doneIcon;
  connectButton(page.querySelector("[data-notify]"));
  let unseen = 0;
  let title = "";
  addEventListener("visibilitychange", () => {
    if (document.hidden || !unseen) return;
    unseen = 0;
    document.title = title;
    if (icon) icon.href = plain;
  });
  return (text) => {
    // Who looks at the page sees the result, which nothing but its picture is fetched for.
    if (!document.hidden) return;
    if (icon) icon.href = done;
    if (!unseen) title = document.title;
    unseen += 1;
    document.title = `(${unseen}) ${title}`;
    notify(text, done);
  };
}

/** Switch it on and off. The browser is asked only when somebody wants it. */
function connectButton(place) {
  if (!place || !canNotify()) return;
  const button = place.querySelector("button");
  const show = () => (button.ariaPressed = String(wants()));
  button.onclick = async () => {
    const on = !wants() && (await Notification.requestPermission());
    localStorage.setItem(KEY, on === "granted" ? "yes" : "no");
    place.querySelector("[data-denied]").hidden = on !== "denied";
    show();
  };
  show();
  place.classList.remove("awaits");
}

/** Phones have the word and no deed: they throw, for only service workers may notify there. */
function canNotify() {
  if (!("Notification" in window) || !isSecureContext || localStorage.getItem(KEY) === "never") return false;
  // To try would show one; `notify` remembers where that fails.
  if (Notification.permission === "granted") return true;
  try {
    return Boolean(new Notification(""));
  } catch {
    return false;
  }
}

const wants = () => Notification.permission === "granted" && localStorage.getItem(KEY) === "yes";

function notify(text, image) {
  if (!("Notification" in window) || !wants()) return;
  try {
    const notification = new Notification(text, { icon: image, tag: text });
    notification.onclick = () => window.focus();
  } catch {
    localStorage.setItem(KEY, "never");
  }
}
