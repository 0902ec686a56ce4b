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

function connectButton(button) {
  const can = "Notification" in window && isSecureContext && Notification.permission !== "denied";
  if (!button || !can || wants()) return;
  button.classList.remove("awaits");
  button.onclick = async () => {
    if ((await Notification.requestPermission()) === "granted") localStorage.setItem(KEY, "yes");
    button.classList.add("awaits");
  };
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
