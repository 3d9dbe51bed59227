"""The smallest Falcon app, with which this service's start and memory are compared.

It is a module of its own, as its imports are part of what is measured.
"""

import falcon


class HealthResource:
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"status": "ok"}


app = falcon.App()
app.add_route("/health", HealthResource())
