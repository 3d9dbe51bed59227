import falcon

from app.web.methods import HeadMixin


class RootResource(HeadMixin):
    """`/`: says that this is the backend."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"message": "Backend is live."}
