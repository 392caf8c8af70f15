"""What people look at: the API's own documents as pages, in the same process and with the same tokens."""

from fastapi import FastAPI


def mount(app: FastAPI) -> None:
    """Puts the pages on the application of the API."""
