/**
 * Lays the two figures of a comparison over each other, with a slider between them.
 *
 * The slider is a range input as large as the picture: keys, touch and screen readers come with it.
 * Where a browser cannot tell a style sheet that scripts run, the figures stay side by side.
 */

export function compare(element) {
  const ready = element.querySelector(".after") && !element.querySelector("input");
  if (!ready || !matchMedia("(scripting: enabled)").matches) return;
  element.append(document.getElementById("slider-template").content.cloneNode(true));
  const input = element.querySelector("input");
  const move = () => element.style.setProperty("--split", `${input.value}%`);
  input.addEventListener("input", move);
  move();
}
