// Shows openapi.json with Swagger UI.

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

const response = await fetch("openapi.json");
const description = await response.json();
// Each GET has one, and all they would show is the GET again.
for (const operations of Object.values(description.paths)) delete operations.head;

window.SwaggerUIBundle({
  spec: description,
  dom_id: "#description",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  // Reading is harmless to try out; who is signed in could delete their account.
  supportedSubmitMethods: ["get"],
  // The default sends the address of the description to a service on the web.
  validatorUrl: null,
});
