"""How a command is made: the options that all share, and one end for everything that can go wrong."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from datalinx.cli.refusal import INTERRUPTED
from datalinx.cli.session import Options, Session

P = ParamSpec("P")

Workspace = Annotated[
    str | None,
    typer.Option("--workspace", "-w", metavar="NAME", help="The workspace to work in.", show_default=False),
]
Profile = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="The profile to use.", show_default=False)
]
Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="The address of the server.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, and nothing else, on stdout.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show each call on stderr.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="Show at most this many; 0 shows all.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]

_SHARED = {"workspace": Workspace, "profile": Profile, "url": Url, "json": Json, "verbose": Verbose}


def group(help_text: str) -> typer.Typer:
    """Return a group of commands."""
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode=None, add_completion=False)


def command(
    app: typer.Typer, name: str
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[Concatenate[Session, P], None]]:
    """Add a function as a command. It gets a Session first; the shared options are added behind its own."""

    def register(
        function: Callable[Concatenate[Session, P], None],
    ) -> Callable[Concatenate[Session, P], None]:
        signature = inspect.signature(function, eval_str=True)
        own = [
            parameter.replace(kind=parameter.KEYWORD_ONLY)
            for parameter in list(signature.parameters.values())[1:]
        ]
        shared = [_shared_parameter(key, hint) for key, hint in _SHARED.items()]
        # What comes in by name is what the signature says; that is more than mypy can follow.
        action: Callable[..., None] = function
        context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)

        def run(**given: Any) -> None:
            root: typer.Context = given.pop("ctx")
            options = Options(**{parameter.name: given.pop(parameter.name) for parameter in shared})
            execute(lambda session: action(session, **given), options.over(root.obj or Options()))

        run.__doc__ = function.__doc__
        parameters = [context, *own, *shared]
        # Typer reads what a function takes from these two.
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions may have one
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name)(run)
        return function

    return register


def execute(action: Callable[[Session], None], options: Options) -> None:
    """Run a command's work in a session; everything that goes wrong on purpose ends here. Raises typer.Exit."""
    from datalinx.cli.failures import exit_code_of, report
    from datalinx.cli.refusal import Refusal
    from datalinx.client.errors import ClientError

    session = Session(options)
    try:
        action(session)
    except (Refusal, ClientError) as error:
        report(error)
        raise typer.Exit(exit_code_of(error)) from None
    except (KeyboardInterrupt, typer.Abort):
        raise typer.Exit(INTERRUPTED) from None
    finally:
        session.close()


def _shared_parameter(name: str, hint: Any) -> inspect.Parameter:
    default = False if hint in {Json, Verbose} else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
