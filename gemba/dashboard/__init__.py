"""What people look at: the API's own documents as pages, in the same process and behind the same guard.

No number is worked out here. A page shows what a document says, with the document's own value beside it for machines,
and opens to the evidence that the document carries.
"""

from fastapi import FastAPI


def mount(app: FastAPI) -> None:
    """Puts the pages and the login on the application of the API; one application in a process."""
    from nicegui import ui

    from gemba.dashboard import assessment, energy, group, health, login, machine, plant
    from gemba.dashboard.live import Live

    service = app.state.service
    app.include_router(login.make(app.state.tokens))
    live = Live(service)
    for seen in (plant, machine):
        seen.make(service, live)
    for page in (group, energy, assessment, health):
        page.make(service)
    ui.run_with(
        app,
        title="Gemba",
        dark=None,
        tailwind=False,
        binding_refresh_interval=None,
        show_welcome_message=False,
        reconnect_timeout=10,
        favicon="📏",
    )
