"""`trackway playground`: the playground as a page for everybody."""

from typing import Annotated

import typer


def playground(
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8082,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="An address or network whose X-Forwarded-For is believed, such as 127.0.0.1; may be repeated.",
            show_default=False,
        ),
    ] = None,
    per_minute: Annotated[int, typer.Option(min=1, help="Calls that one address may make a minute.")] = 240,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Previews at the same time, each in a process.")] = 1,
) -> None:
    """Serve the playground as a page for everybody: no token, no workspace, and nothing is ever sent.

    To put it on the web, leave it on 127.0.0.1 and let a proxy that has a
    certificate hand a whole host name on to it, with the visitor's address in
    X-Forwarded-For. Name the proxy, or all visitors count as one:

    trackway playground --trusted-proxy 127.0.0.1

    In nginx, below location /:

    proxy_pass http://127.0.0.1:8082;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;

    docs/playground.md has the whole of it.
    """
    from trackway.cli.output import screen
    from trackway.node.playground.public import run_public_playground

    def ready(url: str) -> None:
        screen().print(f"The playground is at {url}; Ctrl-C stops it.", soft_wrap=True)

    run_public_playground(
        host, port, trusted_proxies=trusted_proxy or [], per_minute=per_minute, workers=workers, ready=ready
    )
