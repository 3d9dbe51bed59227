// Shows openapi.json with Swagger UI.

const NOT_TRIED = new Set([
  // Pages that a browser opens. They lead to other sites, which no script may read.
  "beginSignIn",
  "refuseNamelessAnswer",
  "finishSignIn",
  // Only a provider can sign what this takes.
  "takeLogoutToken",
  // Nobody can undo it.
  "deleteUser",
  // The files of this page: too long to be shown.
  "getDocsAsset",
]);

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

async function show() {
  const response = await fetch("openapi.json");
  const description = await response.json();
  // The page's policy lets it ask only the host that it came from, also where API_URL has another name.
  description.servers = [{ url: new URL(".", location.href).href.replace(/\/$/, "") }];

  // No script can set a cookie, so only tokens can be entered.
  const { securitySchemes } = description.components;
  delete securitySchemes.session;
  securitySchemes.bearer.description +=
    "\n\nWithout a token, you call as the person signed in with this browser: it sends the session's cookie by itself.";

  for (const item of Object.values(description.paths)) {
    // Each GET has one, and all they would show is the GET again.
    delete item.head;
    for (const operation of Object.values(item)) {
      operation.security = operation.security?.filter((scheme) => "bearer" in scheme || "metrics" in scheme);
    }
  }

  window.SwaggerUIBundle({
    spec: description,
    dom_id: "#description",
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    plugins: [
      {
        statePlugins: {
          spec: {
            wrapSelectors: {
              allowTryItOutFor: () => (_state, path, method) =>
                !NOT_TRIED.has(description.paths[path][method].operationId),
            },
          },
        },
      },
    ],
    syntaxHighlight: { theme: "obsidian" },
    // The default sends the address of the description to a service on the web.
    validatorUrl: null,
  });
}

show();
