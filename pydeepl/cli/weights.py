"""`pydeepl weights list | fetch | verify`."""

import argparse

from pydeepl.cli.text import table
from pydeepl.deep.plan import check_model_name, model_names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """list, fetch NET..., verify."""
    parser.epilog = "PYDEEPL_WEIGHTS: a folder looked in first; PYDEEPL_HOME: the cache; PYDEEPL_OFFLINE: 1."
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="which weights are on this machine")
    fetch = actions.add_parser("fetch", help="download weights that are not")
    fetch.add_argument("networks", nargs="*", metavar="NET", help=f"of {', '.join(model_names())}")
    fetch.add_argument("--all", action="store_true", help="all five networks")
    fetch.add_argument(
        "--top", action="store_true", help="with the ImageNet classifier on top, and its classes' names"
    )
    actions.add_parser("verify", help="check every file of weights on this machine")


def run(arguments: argparse.Namespace) -> int:
    """Runs the action; verify's code is 1 where a file cannot be used."""
    if arguments.action == "fetch":
        return _fetch(arguments)
    return _verify() if arguments.action == "verify" else _list()


def _list() -> int:
    from pydeepl.weights import list_weights

    entries = list_weights()
    print(table([(entry.network, _top(entry.include_top), entry.source) for entry in entries]))
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from pydeepl.weights import fetch_weights

    if not arguments.networks and not arguments.all:
        raise ValueError(f"which networks? Name some of {', '.join(model_names())}, or say --all")
    networks = model_names() if arguments.all else [check_model_name(name) for name in arguments.networks]
    for network in networks:
        print(f"{network}: {fetch_weights(network, include_top=arguments.top).source}", flush=True)
    if arguments.top:
        from pydeepl.weights.class_index import class_index

        print(f"class names: {len(class_index())}")
    return 0


def _verify() -> int:
    from pydeepl.weights import verify_weights

    checks = verify_weights()
    if not checks:
        print("no weights on this machine")
        return 0
    rows = [
        (
            check.state,
            check.network,
            _top(check.include_top),
            f"{check.path}: {check.detail.removeprefix(f'{check.path}: ')}",
        )
        for check in checks
    ]
    print(table(rows))
    return 1 if any(check.state == "unusable" for check in checks) else 0


def _top(include_top: bool) -> str:
    return "with top" if include_top else "no top"
