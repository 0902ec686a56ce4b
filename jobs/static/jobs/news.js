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
  if (!place || !("Notification" in window) || !isSecureContext) return;
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

const wants = () => Notification.permission === "granted" && localStorage.getItem(KEY) === "yes";

function notify(text, image) {
  if (!("Notification" in window) || !wants()) return;
  try {
    const notification = new Notification(text, { icon: image, tag: text });
    notification.onclick = () => window.focus();
  } catch {
    // Phones let only service workers notify; title and icon have changed all the same.
  }
}
