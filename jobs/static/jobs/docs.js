// The page of the API's description: Swagger UI, from our own files.

const page = document.getElementById("docs");

/** Let who is signed in on the pages try calls that change something. */
function withCsrfToken(request) {
  const name = `${page.dataset.csrfCookie}=`;
  const cookie = document.cookie.split("; ").find((each) => each.startsWith(name));
  if (cookie) request.headers["X-CSRFToken"] = cookie.slice(name.length);
  return request;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// No deep links: each would be a link within the button that opens its call.
window.SwaggerUIBundle({
  url: page.dataset.schema,
  domNode: page,
  requestInterceptor: withCsrfToken,
  // Else it asks a host of its own whether the description is valid.
  validatorUrl: null,
});

// It leaves the choice among examples without a name.
new MutationObserver(() => {
  for (const choice of page.querySelectorAll(".examples-select-element:not([aria-label])"))
    choice.ariaLabel = "Example";
}).observe(page, { childList: true, subtree: true });
