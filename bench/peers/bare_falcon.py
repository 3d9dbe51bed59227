"""The least that Falcon can do: the measure for our own start-up and memory."""

import falcon


class HealthResource:
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"status": "ok"}


app = falcon.App()
app.add_route("/health", HealthResource())
