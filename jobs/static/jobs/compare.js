/**
 * Lays the two figures of a comparison over each other, with a slider between them, or lets them
 * stand side by side; while a button is held, the original is seen alone.
 *
 * The slider is a range input as large as the picture: keys, touch and screen readers come with it.
 * Where a browser cannot tell a style sheet that scripts run, the figures stay side by side.
 */

export function compare(element) {
  const ready = element.querySelector(".after") && !element.querySelector("input");
  if (!ready || !matchMedia("(scripting: enabled)").matches) return;
  element.append(document.getElementById("slider-template").content.cloneNode(true));
  const input = element.querySelector("input");
  const move = () => {
    element.style.setProperty("--split", `${input.value}%`);
    input.ariaValueText = `${input.value} %`;
  };
  input.addEventListener("input", move);
  move();
  connectModes(element);
}

function connectModes(element) {
  const bar = document.querySelector("[data-modes]");
  const hold = bar.querySelector("[data-hold]");
  const modes = [...bar.querySelectorAll("[data-mode]")];
  bar.classList.remove("awaits");
  bar.hidden = false;
  for (const button of modes) {
    button.onclick = () => {
      element.classList.toggle("sides", button.dataset.mode === "sides");
      for (const other of modes) other.ariaPressed = String(other === button);
    };
  }
  const held = (isHeld) => () => {
    element.classList.toggle("held", isHeld);
    hold.ariaPressed = String(isHeld);
  };
  hold.onpointerdown = held(true);
  hold.onpointerup = hold.onpointerleave = hold.onpointercancel = hold.onkeyup = hold.onblur = held(false);
  hold.onkeydown = ({ key }) => {
    if (key === " " || key === "Enter") held(true)();
  };
}
