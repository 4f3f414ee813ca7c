"""Maquette from Python, by blocking calls or by awaiting::

from maquette.client import Client

with Client("https://maquette.example.org", key=os.environ["MAQUETTE_API_KEY"]) as maquette:
    uploaded = maquette.upload("photos", name="Fountain")
    maquette.wait(maquette.generate(uploaded.project_id, preset="balanced"), progress=print)
    maquette.download(maquette.export(uploaded.project_id, format="glb"), "fountain.glb")
"""

from maquette.client.answers import Event, Export, Model, Project, Run, Upload
from maquette.client.client import AsyncClient, Client, from_environment
from maquette.client.errors import ApiError, RunFailedError, ServerSilentError
from maquette.client.exchange import Progress

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Event",
    "Export",
    "Model",
    "Progress",
    "Project",
    "Run",
    "RunFailedError",
    "ServerSilentError",
    "Upload",
    "from_environment",
]
