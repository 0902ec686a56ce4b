/** Makes the upload form take dropped files, show how far it is, and send once. */

const form = document.querySelector("[data-upload]");
connect(form);

function connect(form) {
  form.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", (event) => {
    if (!form.contains(event.relatedTarget)) form.classList.remove("over");
  });
  form.addEventListener("drop", (event) => {
    form.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    // The input itself shows the name, and the form sends it as if it had been chosen.
    form.elements.image.files = onlyFirst(event.dataTransfer.files);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

function onlyFirst(files) {
  const transfer = new DataTransfer();
  transfer.items.add(files[0]);
  return transfer.files;
}

/** Post the form. Not fetch: only XMLHttpRequest tells how much of it has gone. */
function send(form) {
  const button = form.querySelector("[type=submit]");
  const bar = form.querySelector("progress");
  const label = button.textContent;
  const idle = (isIdle) => {
    button.disabled = !isIdle;
    button.textContent = isIdle ? label : button.dataset.uploading;
    bar.hidden = isIdle;
  };
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.upload.onprogress = ({ loaded, total }) => {
    // All sent: the server is reading the picture now, for as long as it takes.
    if (loaded < total) bar.value = loaded / total;
    else bar.removeAttribute("value");
  };
  request.onload = () => {
    // Followed to the new photo's page, or to the sign-in page where the session has ended.
    if (request.responseURL !== form.action) return location.assign(request.responseURL);
    // The cookies have gone, and with them what the form was signed by.
    if (request.status === 403) return location.reload();
    idle(true);
    showAnswer(form, request.responseText);
  };
  request.onerror = () => {
    idle(true);
    form.querySelector("[data-unsent]").hidden = false;
  };
  form.querySelector("[data-unsent]").hidden = true;
  request.send(new FormData(form));
  idle(false);
}

/** Show the form as it came back, with what is wrong beside the fields. */
function showAnswer(form, html) {
  const answer = new DOMParser().parseFromString(html, "text/html").querySelector("[data-upload]");
  if (!answer) {
    form.querySelector("[data-unsent]").hidden = false;
    return;
  }
  // A browser sends no file back; it need not be chosen again for a wrong size.
  if (!answer.elements.image.ariaInvalid) answer.elements.image.files = form.elements.image.files;
  form.replaceWith(answer);
  connect(answer);
  answer.querySelector("[aria-invalid]")?.focus();
}

// Back from the photo's page, the browser may show this one as it was left.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
